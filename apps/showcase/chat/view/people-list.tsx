/** Who is in the open room, and what a moderator can do about them. */
import { Avatar } from "../../shared/avatar.js";
import { Icon } from "../../shared/icon.js";
import type { Author } from "../model/message.js";
import type { Moderator } from "../model/moderator.js";
import type { RoomSession } from "../model/room-session.js";

export interface PeopleListProps {
  room: RoomSession;
  me: Author;
  moderator: Moderator;
}

export function PeopleList({ room, me, moderator }: PeopleListProps) {
  const people = room.presence.people(me.user);
  const isCurrent = room.phase === "ready" || room.phase === "catching-up";
  return (
    <section class="people" aria-labelledby="people-title">
      <h2 id="people-title" class="panel-title">
        Who is here <span class="soft">{isCurrent ? people.length : ""}</span>
      </h2>
      {!isCurrent && people.length > 0 && <p class="soft small">As of the last connection.</p>}
      {people.length === 0 && (
        <p class="soft small">{isCurrent ? "Nobody yet." : "Shown once the connection is live."}</p>
      )}
      <ul class={isCurrent ? "people-list" : "people-list stale"}>
        {people.map(({ key, user, name, windows }) => (
          <li key={key} class="person">
            <Avatar user={user} name={name} isSmall />
            <span class="person-name" dir="auto">
              {name}
            </span>
            {user === me.user && user !== "" && <span class="tag">you</span>}
            {windows > 1 && <span class="soft small">{windows} windows</span>}
            {moderator.isActive && user !== "" && user !== me.user && (
              <Sanctioning person={{ user, name }} moderator={moderator} />
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Sanctioning({ person, moderator }: { person: Author; moderator: Moderator }) {
  const isMuted = moderator.sanctions.some(({ user, kind }) => user === person.user && kind === "mute");
  const mute = isMuted ? `Unmute ${person.name}` : `Mute ${person.name}`;
  return (
    <span class="person-actions">
      <button
        type="button"
        class={isMuted ? "icon-button person-action active" : "icon-button person-action"}
        aria-label={mute}
        title={mute}
        onClick={() => void (isMuted ? moderator.lift(person.user) : moderator.mute(person))}
      >
        <Icon name="mute" />
      </button>
      <button
        type="button"
        class="icon-button person-action"
        aria-label={`Ban ${person.name}`}
        title={`Ban ${person.name}`}
        onClick={() => void moderator.ban(person)}
      >
        <Icon name="ban" />
      </button>
    </span>
  );
}
