/** Processes that tests start, and how they end. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** Ends it with the test, before the folders go that were made earlier. */
export function endWithTest(child: ChildProcess, signal?: NodeJS.Signals): void {
  onTestFinished(() => endProcess(child, signal));
}

/** Resolves when it has ended, and so have all that it has started with its own output, such as workers. */
export async function endProcess(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  const hasExited = child.exitCode !== null || child.signalCode !== null;
  const outputs = [child.stdout, child.stderr].filter((output) => output !== null && !output.closed);
  if (hasExited && outputs.length === 0) return;
  const closed = once(child, "close");
  // What nobody reads would never end.
  for (const output of outputs) output?.resume();
  if (!hasExited) child.kill(signal);
  await closed;
}
