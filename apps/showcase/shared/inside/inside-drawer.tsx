/** The drawer that shows what is inside: totals, the cursor of each channel, recoveries, and the frames themselves. */
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { Icon } from "../icon.js";
import type { CursorPosition, Frame, FrameLog } from "../line/frame-log.js";

const refreshMs = 250;
const shownFrames = 80;
const shownChannels = 12;
const shownRecoveries = 6;

export function InsideDrawer({ log, onClose }: { log: FrameLog; onClose: () => void }) {
  const [isPaused, setPaused] = useState(false);
  const [, refresh] = useReducer<number, undefined>((count) => count + 1, 0);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const opener = document.activeElement;
    panel.current?.querySelector<HTMLElement>("[data-close]")?.focus();
    return () => {
      if (opener instanceof HTMLElement) opener.focus();
    };
  }, []);
  useEffect(() => {
    if (isPaused) return;
    const timer = setInterval(() => refresh(undefined), refreshMs);
    return () => clearInterval(timer);
  }, [isPaused]);
  const { up, down } = log.totals;
  const positions = [...log.positions];
  const recoveries = log.recoveries.slice(-shownRecoveries).reverse();
  return (
    <aside
      ref={panel}
      class="inside"
      aria-label="Under the hood"
      onKeyDown={(event) => {
        if (event.key === "Escape") onClose();
      }}
    >
      <div class="inside-head">
        <h2>Under the hood</h2>
        <button
          type="button"
          class="button small"
          aria-pressed={isPaused}
          onClick={() => setPaused(!isPaused)}
        >
          {isPaused ? "Go on" : "Hold still"}
        </button>
        <button type="button" class="icon-button" aria-label="Close" data-close onClick={onClose}>
          <Icon name="close" />
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also with the keyboard alone */}
      <section class="inside-body" tabIndex={0} aria-label="Frames, positions and recoveries">
        <h3>One WebSocket</h3>
        <dl class="inside-facts">
          <dt>received</dt>
          <dd data-testid="received">
            {down.frames} frames, {formatBytes(down.bytes)}
          </dd>
          <dt>sent</dt>
          <dd>
            {up.frames} frames, {formatBytes(up.bytes)}
          </dd>
        </dl>
        <h3>Positions: what this page has read</h3>
        {positions.length === 0 && <p class="soft">No channel with a log yet.</p>}
        <dl class="inside-facts" data-testid="cursors">
          {positions.slice(0, shownChannels).map(([channel, position]) => (
            <CursorRow key={channel} channel={channel} text={formatPosition(position)} />
          ))}
        </dl>
        {positions.length > shownChannels && <p class="soft">and {positions.length - shownChannels} more</p>}
        <h3>Recoveries: what came back after a cut</h3>
        {recoveries.length === 0 && <p class="soft">None yet. Cut the line to see one.</p>}
        <ul data-testid="recoveries">
          {recoveries.map(({ at, channel, since, isRecovered, count }) => (
            <li key={`${at} ${channel}`} class="recovery">
              <time>{formatTime(at)}</time> <code>{channel}</code>{" "}
              {isRecovered
                ? `recovered ${count} since ${since ? since.offset : "its start"}`
                : "could not be recovered and was loaded again"}
            </li>
          ))}
        </ul>
        <h3>Frames, newest first</h3>
        <ul data-testid="frames">
          {log.frames
            .slice(-shownFrames)
            .reverse()
            .map((frame) => (
              <FrameRow key={frame.id} frame={frame} />
            ))}
        </ul>
      </section>
    </aside>
  );
}

function CursorRow({ channel, text }: { channel: string; text: string }) {
  return (
    <>
      <dt>
        <code>{channel}</code>
      </dt>
      <dd>
        <code>{text}</code>
      </dd>
    </>
  );
}

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

export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** Epochs are long, and only told apart. */
export function formatPosition({ epoch, offset }: CursorPosition): string {
  return epoch === "" ? String(offset) : `${epoch.slice(0, 6)}:${offset}`;
}

/** Local time of day to the millisecond. */
export function formatTime(at: number): string {
  const date = new Date(at);
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((value) => pad(value)).join(":");
  return `${clock}.${pad(date.getMilliseconds(), 3)}`;
}

/** JSON with indentation, line for line; what is cut off or no JSON stays as it is. */
export function prettify(text: string): string {
  return text
    .split("\n")
    .map((line) => {
      try {
        return JSON.stringify(JSON.parse(line), null, 2);
      } catch {
        return line;
      }
    })
    .join("\n");
}
