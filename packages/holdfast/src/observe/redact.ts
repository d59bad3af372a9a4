/**
 * Takes secrets out of what is logged: passwords in URLs, tokens and keys in queries and header fields, JSON Web Tokens, cookies, and
 * whatever stands in a field that is named like a secret. Payloads are never handed to the log in the first place.
 */

export const redacted = "[redacted]";

/** Names of fields and of parameters whose values are secret, whatever they are. */
const secretName =
  /^(?:.*[-_.])?(?:authorization|cookie|set-cookie|token|jwt|password|passwd|pass|secret|credentials?|api-?_?key|apikeys?|private-?_?key|key)$/i;
const maxCharacters = 4000;
const maxDepth = 4;
const maxFields = 50;

const patterns: readonly (readonly [RegExp, string])[] = [
  // RFC 3986 §3.2.1: user and password before the host. Up to the last @, since passwords are not always encoded.
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>]*@/gi, `$1${redacted}@`],
  // Parameters of queries and forms, and fields of JSON.
  [
    /([?&;\s"'{,]|^)((?:[\w-]*[-_])?(?:token|password|passwd|secret|api_?key|key|credentials?|cf_connect)["']?\s*[=:]\s*["']?)[^\s&"',;}]+/gi,
    `$1$2${redacted}`,
  ],
  // Header fields (RFC 9110 §11.6.2, RFC 6265): to the end of the line.
  [/\b((?:proxy-)?authorization|(?:set-)?cookie)(["']?\s*[:=]\s*["']?)[^\r\n"']+/gi, `$1$2${redacted}`],
  [/\b(bearer|basic|apikey)\s+[\w+/=.~-]{6,}/gi, `$1 ${redacted}`],
  // RFC 7515 §7.1: base64url of a JSON object, a dot, and more.
  [/\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?/g, redacted],
];

/** Without secrets, and clipped. */
export function redactText(text: string): string {
  let clean = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  for (const [pattern, replacement] of patterns) clean = clean.replace(pattern, replacement);
  return clean;
}

/** Plain data without secrets: objects and errors a few levels deep, long lists clipped, bytes left out. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "function" || typeof value === "symbol") return undefined;
  if (typeof value !== "object" || value === null) return value;
  if (depth >= maxDepth) return "…";
  if (value instanceof Error) return redactError(value, depth);
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.slice(0, maxFields).map((each) => redactValue(each, depth + 1));
  const fields = Object.entries(value).slice(0, maxFields);
  return Object.fromEntries(
    fields.map(([name, each]) => [name, secretName.test(name) ? redacted : redactValue(each, depth + 1)]),
  );
}

function redactError(error: Error, depth: number): object {
  const { name, message, stack, cause } = error;
  const { code } = error as { readonly code?: unknown };
  return {
    type: name,
    message: redactText(message),
    ...((typeof code === "string" || typeof code === "number") && { code }),
    ...(stack !== undefined && { stack: redactText(stack) }),
    ...(cause !== undefined && { cause: redactValue(cause, depth + 1) }),
  };
}
