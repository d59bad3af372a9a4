/** What an error of the client says to a person: without the method's name before it, and the code behind it. */
export function wordsOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^\S+ was refused: /, "").replace(/ \(code \d+\)$/, "");
}
