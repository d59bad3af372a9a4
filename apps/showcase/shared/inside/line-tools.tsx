/** The two buttons that every page has: look inside, and cut the line. */
import type { Devtools } from "@holdfast/client/devtools";
import { useEffect, useState } from "preact/hooks";
import { useNow } from "../hooks.js";
import { Icon } from "../icon.js";

export function LineTools({ devtools }: { devtools: Devtools }) {
  const [isOpen, setOpen] = useState(false);
  const cutUntil = devtools.interruptedUntil;
  useEffect(() => () => devtools.close(), [devtools]);
  const toggle = () => {
    setOpen(!isOpen);
    if (isOpen) devtools.close();
    else void devtools.open(() => setOpen(false));
  };
  const now = useNow(cutUntil !== undefined);
  const left = cutUntil === undefined ? 0 : Math.max(1, Math.ceil((cutUntil - now) / 1000));
  return (
    <div class="line-tools">
      <button
        type="button"
        class="button small"
        aria-label={cutUntil === undefined ? "Cut the line for six seconds" : "The line is cut"}
        title="Cut the line for six seconds"
        aria-disabled={cutUntil !== undefined}
        aria-pressed={cutUntil !== undefined}
        onClick={() => devtools.interrupt()}
      >
        <Icon name="scissors" />
        <span class="line-tool-text">{cutUntil === undefined ? "Cut the line" : `Cut: ${left} s`}</span>
      </button>
      <button
        type="button"
        class="button small"
        aria-label="Look inside"
        title="Look inside: handshake, frames, closes, recoveries"
        aria-expanded={isOpen}
        aria-pressed={isOpen}
        onClick={toggle}
      >
        <Icon name="lens" />
        <span class="line-tool-text">Look inside</span>
      </button>
    </div>
  );
}
