/** A line for the curious: what the page's one connection is doing, in numbers. */
import type { Chat } from "../model/chat.js";
import { channelOf } from "../model/rooms.js";

export function HowItWorks({ chat }: { chat: Chat }) {
  const { room, status } = chat;
  const { epoch, offset } = room.position;
  const position = epoch === "" ? "not known yet" : `${epoch}:${offset}`;
  const delays = status.retryDelaysMs.map((delayMs) => `${(delayMs / 1000).toFixed(2)} s`).join(", ");
  return (
    <details class="how">
      <summary>
        <span class="how-title">How this works</span>
        <span class="how-line">
          one WebSocket · {channelOf(room.room)} at {position} · {status.recoveredTotal} recovered
        </span>
      </summary>
      <div class="how-body">
        <p>
          All rooms share one WebSocket. Each room is a log in which every message has a number, and this page
          remembers the last one it saw. When the line breaks, it comes back with that position and receives
          exactly what is missing. What you write meanwhile waits in this browser until it has been seen in
          the room.
        </p>
        <dl>
          <div>
            <dt>Channel</dt>
            <dd>
              <code>{channelOf(room.room)}</code>
            </dd>
          </div>
          <div>
            <dt>Position (epoch:offset)</dt>
            <dd>
              <code data-testid="position">{position}</code>
            </dd>
          </div>
          <div>
            <dt>Recovered since this page was opened</dt>
            <dd data-testid="recovered-total">{status.recoveredTotal}</dd>
          </div>
          <div>
            <dt>Waits before the last attempts</dt>
            <dd data-testid="retry-delays" data-delays-ms={status.retryDelaysMs.join(" ")}>
              {delays || "none"}
            </dd>
          </div>
        </dl>
      </div>
    </details>
  );
}
