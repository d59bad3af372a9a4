/** Runs a benchmark to its end: mistakes in the command line end it with 2, failures with 1 and their cause. */
import { UsageError } from "./options.js";

export async function runBench(main: () => Promise<void>): Promise<never> {
  try {
    await main();
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(2);
    }
    process.stderr.write(
      `\nFAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  }
  // Sockets that a server has not closed yet would keep the process.
  process.exit(0);
}
