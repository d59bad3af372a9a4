/** Finds the addresses in a text, so that they can be followed. Only http and https: nothing that could run. */

export interface TextPart {
  text: string;
  /** Undefined for what is no link. */
  href: string | undefined;
}

const address = /\bhttps?:\/\/[^\s<>"]+/gi;
const closing = /[.,;:!?'’”»…*_]$/;
const brackets: Record<string, string> = { ")": "(", "]": "[", "}": "{" };

export function splitLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(address)) {
    const shown = withoutClosing(match[0]);
    const href = toHref(shown);
    if (href === undefined) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: undefined });
    parts.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: undefined });
  return parts;
}

/** Punctuation at the end belongs to the sentence, and so does a bracket that was opened before the address. */
function withoutClosing(found: string): string {
  let kept = found;
  for (;;) {
    const last = kept.at(-1) ?? "";
    const opening = brackets[last];
    const isUnmatched = opening !== undefined && kept.split(last).length > kept.split(opening).length;
    if (!closing.test(kept) && !isUnmatched) return kept;
    kept = kept.slice(0, -1);
  }
}

function toHref(text: string): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url && url.hostname !== "" && /^https?:$/.test(url.protocol) ? url.href : undefined;
}
