/** Reads an HTTP/1.1 response strictly (RFC 9112 §4, §5): CRLF everywhere, no folding, a blank line at the end. */
export interface ResponseHead {
  readonly status: number;
  readonly statusText: string;
  /** Name, value, name, value …, as Node.js gives them. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
}

const statusLine = /^HTTP\/1\.1 (\d{3}) ([\t\x20-\x7e]*)$/;
const fieldLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?)?[ \t]*$/;

/** @throws when the text is no well-formed response */
export function parseResponse(text: string): ResponseHead {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) throw new Error(`no blank line: ${JSON.stringify(text)}`);
  const [first = "", ...lines] = text.slice(0, end).split("\r\n");
  const [, status, statusText] = statusLine.exec(first) ?? [];
  if (status === undefined) throw new Error(`status line ${JSON.stringify(first)}`);
  const rawHeaders = lines.flatMap((line) => {
    const [, name, value = ""] = fieldLine.exec(line) ?? [];
    if (name === undefined) throw new Error(`field line ${JSON.stringify(line)}`);
    return [name, value];
  });
  return { status: Number(status), statusText: statusText ?? "", rawHeaders, body: text.slice(end + 4) };
}

/** All values of a field; the name is lower-case. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
