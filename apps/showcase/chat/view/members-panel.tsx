/** Who may use the open private room, and what its owner can do about that. */
import "../moderation.css";
import { useState } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import type { PrivateRoom } from "../model/private-rooms.js";

export function MembersPanel({ chat, room }: { chat: Chat; room: PrivateRoom }) {
  const [problem, setProblem] = useState<string>();
  const act = async (doing: Promise<string | undefined>) => setProblem(await doing);
  return (
    <section class="people members" aria-labelledby="members-title">
      <h2 id="members-title" class="panel-title">
        Members <span class="soft">{room.members.length}</span>
      </h2>
      <ul class="people-list">
        {room.members.map(({ user, name, role }) => (
          <li key={user} class="person">
            <Avatar user={user} name={name} isSmall />
            <span class="person-name" dir="auto">
              {name}
            </span>
            {role === "owner" && <span class="tag">owner</span>}
            {room.isOwner && user !== chat.me.user && (
              <button
                type="button"
                class="icon-button person-action"
                aria-label={`Remove ${name} from the room`}
                title={`Remove ${name} from the room`}
                onClick={() => void act(chat.privateRooms.removeMember(room.room, user))}
              >
                <Icon name="close" />
              </button>
            )}
          </li>
        ))}
      </ul>
      {room.isOwner && <InviteForm onInvite={(name) => chat.privateRooms.invite(room.room, name)} />}
      <p class="field-problem" role="alert">
        {problem}
      </p>
      <LeaveButton room={room} onLeave={() => void act(chat.privateRooms.leave(room.room))} />
    </section>
  );
}

function InviteForm({ onInvite }: { onInvite: (name: string) => Promise<string | undefined> }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    const found = await onInvite(name);
    setProblem(found);
    if (found === undefined) setName("");
  };
  return (
    <form class="invite" onSubmit={(event) => void submit(event)} noValidate>
      <label class="small" for="invite">
        Invite somebody by name
      </label>
      <div class="name-row">
        <input
          id="invite"
          class="field"
          dir="auto"
          value={name}
          autocomplete="off"
          spellcheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby="invite-problem"
          onInput={(event) => {
            setName(event.currentTarget.value);
            setProblem(undefined);
          }}
        />
        <button type="submit" class="icon-button bordered" aria-label="Invite" title="Invite">
          <Icon name="plus" />
        </button>
      </div>
      <p id="invite-problem" class="field-problem" role="alert">
        {problem}
      </p>
    </form>
  );
}

/** Asks once more, for there is no way back. */
function LeaveButton({ room, onLeave }: { room: PrivateRoom; onLeave: () => void }) {
  const [isAsking, setAsking] = useState(false);
  const action = room.isOwner ? "End this room" : "Leave this room";
  return (
    <div class="leave-room">
      {isAsking && (
        <p class="soft small">
          {room.isOwner
            ? "Everybody is removed, and all messages are deleted."
            : "To come back, you have to be invited again."}
        </p>
      )}
      <button
        type="button"
        class={isAsking ? "button small danger" : "button small"}
        onClick={() => {
          if (isAsking) onLeave();
          setAsking(!isAsking);
        }}
      >
        {isAsking ? `Yes, ${action.toLowerCase()}` : action}
      </button>
      {isAsking && (
        <button type="button" class="text-button" onClick={() => setAsking(false)}>
          Cancel
        </button>
      )}
    </div>
  );
}
