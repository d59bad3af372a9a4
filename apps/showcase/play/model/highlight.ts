/** Splits JavaScript into what an editor colours. Small and approximate: regular expressions are plain text. */

export type TokenKind = "text" | "comment" | "string" | "number" | "keyword" | "name";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const keywords =
  "async await break case catch class const continue default delete do else export extends false finally for from function if import in instanceof let new null of return static super switch this throw true try typeof undefined var void while yield";
/** What the playground gives to code. */
const names = "connect button me room console";

const pattern = new RegExp(
  [
    "(?<comment>//[^\\n]*|/\\*[\\s\\S]*?(?:\\*/|$))",
    "(?<string>\"(?:\\\\.|[^\"\\\\\\n])*\"?|'(?:\\\\.|[^'\\\\\\n])*'?|`(?:\\\\[\\s\\S]|[^`\\\\])*`?)",
    "(?<number>\\b\\d[\\d_]*(?:\\.\\d+)?\\b)",
    `(?<keyword>(?<![.\\w])(?:${keywords.replaceAll(" ", "|")})\\b)`,
    `(?<name>(?<![.\\w])(?:${names.replaceAll(" ", "|")})\\b)`,
  ].join("|"),
  "g",
);

export function highlight(code: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (const match of code.matchAll(pattern)) {
    if (match.index > at) tokens.push({ kind: "text", text: code.slice(at, match.index) });
    const [kind] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? ["text"];
    tokens.push({ kind: kind as TokenKind, text: match[0] });
    at = match.index + match[0].length;
  }
  if (at < code.length) tokens.push({ kind: "text", text: code.slice(at) });
  return tokens;
}
