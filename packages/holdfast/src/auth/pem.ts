/**
 * Keys and certificates in PEM (RFC 7468) as they come out of variables, files and forms: line breaks written as `\n`, lost, or
 * turned into spaces, quotes around all of it, a byte order mark before it.
 */

const block = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;

/** The same as PEM is written. What is no PEM, or has something between its blocks, is given back as it came. */
export function normalizePem(text: string): string {
  const unescaped = text.replace(/\\r|\\n/g, "\n");
  const blocks = [...unescaped.matchAll(block)].map(
    ([, label, body = ""]) => `-----BEGIN ${label}-----\n${wrap(body)}\n-----END ${label}-----\n`,
  );
  const rest = unescaped.replace(block, "").replace(/["'\s]/g, "");
  return blocks.length === 0 || rest !== "" ? text : blocks.join("");
}

/** RFC 7468 §2: lines of 64 characters. */
function wrap(body: string): string {
  return body.replace(/\s/g, "").replace(/.{64}(?=.)/g, "$&\n");
}
