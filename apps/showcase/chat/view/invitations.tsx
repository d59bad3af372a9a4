/** Private rooms that somebody has just invited this person to, in the corner: read out, and never in the way of the focus. */
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";

export function Invitations({ chat }: { chat: Chat }) {
  return (
    <div class="invitations" role="status" aria-live="polite" aria-atomic="false">
      {chat.privateRooms.invitations.map(({ room, title, members }) => (
        <div key={room} class="invitation" data-testid="invitation">
          <Icon name="lock" />
          <p class="invitation-text">
            {members.find(({ role }) => role === "owner")?.name ?? "Somebody"} invited you to{" "}
            <b dir="auto">{title}</b>.
          </p>
          <button type="button" class="button small" onClick={() => chat.open(room)}>
            Open
          </button>
          <button
            type="button"
            class="icon-button"
            aria-label={`Close: invitation to ${title}`}
            onClick={() => chat.privateRooms.dismiss(room)}
          >
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
