/** What a room without messages says: two ways to change that. */

import { basePathOf } from "../../shared/base-path.js";
import { command } from "../../shared/command.js";
import { channelOf, isPrivate } from "../model/rooms.js";

/** Where the command line looks for a server unless told otherwise. */
const usualServer = "http://localhost:8000/";

export function EmptyRoom({ room }: { room: string }) {
  const url = location.origin + basePathOf();
  const server = url === usualServer ? "" : ` --url ${url}`;
  return (
    <div class="empty">
      <svg class="empty-mark" viewBox="0 0 120 60" aria-hidden="true">
        <path d="M4 40c9 0 9-7 18-7s9 7 18 7 9-7 18-7 9 7 18 7 9-7 18-7 9 7 18 7" />
        <path d="M4 52c9 0 9-7 18-7s9 7 18 7 9-7 18-7 9 7 18 7 9-7 18-7 9 7 18 7" />
        <path d="M60 33V18" />
        <circle cx="60" cy="12" r="6" />
      </svg>
      <h2 class="display-title">Nobody has said anything here yet</h2>
      {isPrivate(room) ? (
        <p class="soft">
          Only members can read and write in this room. Its owner invites them, in the list of people.
        </p>
      ) : (
        <>
          <p class="soft">Say hello below, or send something from a shell, in the folder of Holdfast:</p>
          <pre class="shell">
            <code>{`${command} publish ${channelOf(room)} '{"id":"1","text":"hi from the shell"}'${server}`}</code>
          </pre>
        </>
      )}
    </div>
  );
}
