/** One frame: what it is, in one line; and its text, when it is opened. */
import type { Frame } from "../line/frame-log.js";
import { formatBytes, formatTime, prettify } from "./inside-text.js";

export function FrameRow({ frame }: { frame: Frame }) {
  const { direction, kind, channel, bytes, at, text } = frame;
  return (
    <li>
      <details class={`frame ${direction}`}>
        <summary>
          <span class="direction">
            <span aria-hidden="true">{direction === "up" ? "↑" : "↓"}</span>
            <span class="unseen">{direction === "up" ? "sent" : "received"}</span>
          </span>
          <span class="frame-kind">
            {kind} {channel !== undefined && <code>{channel}</code>}
          </span>
          <span class="frame-bytes">{formatBytes(bytes)}</span>
          <time>{formatTime(at)}</time>
        </summary>
        <pre>{prettify(text)}</pre>
      </details>
    </li>
  );
}
