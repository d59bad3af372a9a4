/** The two buttons that every page has: look inside, and cut the line. */
import { useState } from "preact/hooks";
import { useNow } from "../hooks.js";
import { Icon } from "../icon.js";
import type { FrameLog } from "../line/frame-log.js";
import { InsideDrawer } from "./inside-drawer.js";

/** What the tools work on: a page's line, or what has one. */
export interface ToolsLine {
  readonly log: FrameLog;
  /** Unix milliseconds; undefined while the line is whole. */
  readonly cutUntil: number | undefined;
  cut(): void;
}

export function LineTools({ line }: { line: ToolsLine }) {
  const [isOpen, setOpen] = useState(false);
  const { cutUntil } = line;
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
        onClick={() => line.cut()}
      >
        <Icon name="scissors" />
        <span class="line-tool-text">{cutUntil === undefined ? "Cut the line" : `Cut: ${left} s`}</span>
      </button>
      <button
        type="button"
        class="button small"
        aria-label="Look inside"
        title="Look inside: frames, positions, recoveries"
        aria-expanded={isOpen}
        aria-pressed={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name="lens" />
        <span class="line-tool-text">Look inside</span>
      </button>
      {isOpen && <InsideDrawer log={line.log} onClose={() => setOpen(false)} />}
    </div>
  );
}
