/** An error as the client makes it of a refusal of the server. */
export function refusal(what: string, code: number, message: string): Error {
  const error = new Error(`${what} was refused: ${message} (code ${code})`, { cause: { code, message } });
  return Object.assign(error, { details: { code, isTemporary: false } });
}
