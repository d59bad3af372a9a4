/** The little of HTTP (RFC 9110 §5) that an opening handshake needs: fields by name, and lists of tokens. */

/** Fields as Node.js gives them in `rawHeaders`: name, value, name, value … in the order they came. */
export type RawHeaders = readonly string[];

/** All values of a field, in order. */
export function fieldValues(headers: RawHeaders, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const field = headers[i] as string;
    // Most differ in length, which costs nothing to see.
    if (field.length === name.length && field.toLowerCase() === name)
      values.push((headers[i + 1] as string).trim());
  }
  return values;
}

/** The members of a comma-separated list that may be spread over several fields (RFC 9110 §5.6.1). */
export function listMembers(headers: RawHeaders, name: string): string[] {
  return fieldValues(headers, name)
    .flatMap((value) => value.split(","))
    .map((member) => member.trim())
    .filter((member) => member !== "");
}

/** Whether a list has the token; tokens here are case-insensitive (RFC 6455 §4.2.1). */
export function hasToken(headers: RawHeaders, name: string, token: string): boolean {
  return listMembers(headers, name).some((member) => member.toLowerCase() === token);
}

/** RFC 9110 §5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}
