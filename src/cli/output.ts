/** Where the command line writes: results to standard output, everything said about them to standard error. */

export function writeResult(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export function writeText(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function writeNote(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A reader that went away, as `head` does, is no error. */
export function endQuietlyWithoutReader(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
}
