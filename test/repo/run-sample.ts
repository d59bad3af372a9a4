/** Runs a sample of the guides as a program, on ports that are free instead of those that the guides name. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { apiKey, secret } from "../../packages/holdfast/test/support/app-server.js";
import { endProcess } from "../../packages/holdfast/test/support/child-process.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const root = join(import.meta.dirname, "../..");
const loaders = ["--import", "tsx", "--import", join(import.meta.dirname, "sample-surroundings.mjs")];

/** Those of the guides, each with one to take instead. */
export type Ports = Readonly<Record<"8000" | "9000" | "3000", number>>;

export async function findPorts(): Promise<Ports> {
  return { 8000: await findFreePort(), 9000: await findFreePort(), 3000: await findFreePort() };
}

export interface RunningSample {
  /** What it has written so far, errors included. */
  readonly said: () => string;
  /** Resolves when the condition holds; rejects when the program ends before. */
  until(condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** Starts a sample in a folder of its own, with the built package installed; it ends with the test. */
export function runSample(code: string, ports: Ports): RunningSample {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-sample-"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const text = code.replace(/\b(8000|9000|3000)\b/g, (port) => String(ports[port as keyof Ports]));
  // Packages that a user would have installed are found by their names.
  writeFileSync(join(folder, "sample.ts"), text);
  const program = spawn(process.execPath, [...loaders, "sample.ts"], {
    cwd: folder,
    env: { ...process.env, SAMPLE_PORTS: JSON.stringify(ports), TOKEN_SECRET: secret, API_KEY: apiKey },
  });
  let said = "";
  for (const output of [program.stdout, program.stderr])
    output.on("data", (chunk) => {
      said += chunk;
    });
  const hasEnded = () => program.exitCode !== null || program.signalCode !== null;
  onTestFinished(async () => {
    await endProcess(program);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    said: () => said,
    async until(condition) {
      await until(async () => {
        if (hasEnded()) throw new Error(`the sample ended with ${program.exitCode}: ${said}`);
        return await condition();
      });
    },
  };
}
