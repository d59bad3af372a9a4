/** The words of a message: text only, with its addresses made links. */
import { useState } from "preact/hooks";
import { splitLinks } from "../model/links.js";

/** The page's own messages are no longer than this; other programs may publish more. */
const shownCharacters = 2000;

export function MessageText({ text, format }: { text: string; format: "text" | "json" }) {
  const [isWhole, setWhole] = useState(false);
  const isLong = text.length > shownCharacters + 200;
  const shown = isLong && !isWhole ? `${text.slice(0, shownCharacters)}…` : text;
  return (
    <>
      {format === "json" ? (
        <pre class="message-json">
          <code>{shown}</code>
        </pre>
      ) : (
        <p class="message-text">
          {splitLinks(shown).map(({ text: part, href }, index) =>
            href === undefined ? (
              part
            ) : (
              <a key={index} href={href} target="_blank" rel="noopener noreferrer nofollow">
                {part}
              </a>
            ),
          )}
        </p>
      )}
      {isLong && (
        <button type="button" class="text-button small" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show less" : `Show all ${text.length} characters`}
        </button>
      )}
    </>
  );
}
