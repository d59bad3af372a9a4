/** Where the command line writes: results to standard output, everything said about them to standard error. */
import { encodeJson } from "../wire/payload.js";

export function writeResult(value: unknown): void {
  process.stdout.write(`${encodeJson(value)}\n`);
}

export function writeText(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function writeNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * A reader of results that went away, as `head` does, is no error, and nor is a terminal that hung up. What is said about them
 * is said to nobody then.
 */
export function endQuietlyWithoutReader(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    if (error.code !== "EIO") throw error;
  });
}
