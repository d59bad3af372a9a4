/** Who is in the open room. */
import { Avatar } from "../../shared/avatar.js";
import type { Author } from "../model/message.js";
import type { RoomSession } from "../model/room-session.js";

export function PeopleList({ room, me }: { room: RoomSession; me: Author }) {
  const people = room.presence.people(me.user);
  const isCurrent = room.phase === "ready" || room.phase === "catching-up";
  return (
    <section class="people" aria-labelledby="people-title">
      <h2 id="people-title" class="panel-title">
        Who is here <span class="soft">{isCurrent ? people.length : ""}</span>
      </h2>
      {!isCurrent && people.length > 0 && <p class="soft small">As of the last connection.</p>}
      {people.length === 0 && (
        <p class="soft small">{isCurrent ? "Nobody yet." : "Known as soon as the connection is live."}</p>
      )}
      <ul class={isCurrent ? "people-list" : "people-list stale"}>
        {people.map(({ key, user, name, windows }) => (
          <li key={key} class="person">
            <Avatar user={user} name={name} isSmall />
            <span class="person-name">{name}</span>
            {user === me.user && user !== "" && <span class="tag">you</span>}
            {windows > 1 && <span class="soft small">{windows} windows</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}
