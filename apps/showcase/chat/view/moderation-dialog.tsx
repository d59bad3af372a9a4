/** For whoever has a key of the server's HTTP interface: what holds for the open room, and who is muted or banned. */
import "../moderation.css";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../../shared/dialog.js";
import type { Chat } from "../model/chat.js";
import type { Moderator, Sanction } from "../model/moderator.js";

export interface ModerationDialogProps {
  chat: Chat;
  moderator: Moderator;
  onClose: () => void;
}

export function ModerationDialog({ chat, moderator, onClose }: ModerationDialogProps) {
  return (
    <Dialog title="Moderation" onClose={onClose}>
      {moderator.isActive ? (
        <>
          <RoomSettings chat={chat} moderator={moderator} />
          <SanctionList moderator={moderator} />
          <Problem moderator={moderator} />
          <div class="dialog-actions">
            <button type="button" class="button" onClick={() => moderator.stop()}>
              Stop moderating
            </button>
            <button type="button" class="button primary" onClick={onClose}>
              Done
            </button>
          </div>
        </>
      ) : (
        <KeyForm moderator={moderator} onClose={onClose} />
      )}
    </Dialog>
  );
}

function KeyForm({ moderator, onClose }: { moderator: Moderator; onClose: () => void }) {
  const [key, setKey] = useState("");
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void moderator.start(key);
      }}
    >
      <p class="soft dialog-text">
        Moderators use the server’s interface with an API key; the server says at its start where to find it.
        This window forgets it when it closes.
      </p>
      <label class="name-label" for="moderator-key">
        Moderator key
      </label>
      <input
        id="moderator-key"
        class="field"
        type="password"
        autocomplete="off"
        required
        value={key}
        onInput={(event) => setKey(event.currentTarget.value)}
      />
      <Problem moderator={moderator} />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="submit" class="button primary">
          Moderate
        </button>
      </div>
    </form>
  );
}

const slowModes = [0, 5, 15, 60, 300];

function RoomSettings({ chat, moderator }: { chat: Chat; moderator: Moderator }) {
  const room = chat.openRoom;
  const [slowMode, setSlowMode] = useState(0);
  const [isAsking, setAsking] = useState(false);
  useEffect(() => void moderator.slowModeOf(room).then(setSlowMode), [room]);
  return (
    <section class="moderation-part" aria-label="This room">
      <h3 class="panel-title">{chat.labelOf(room)}</h3>
      <div class="moderation-row">
        <label for="slow-mode">Each person may write</label>
        <select
          id="slow-mode"
          class="field"
          value={slowMode}
          onChange={(event) => {
            const seconds = Number(event.currentTarget.value);
            setSlowMode(seconds);
            void moderator.setSlowMode(room, seconds);
          }}
        >
          {slowModes.map((seconds) => (
            <option key={seconds} value={seconds}>
              {seconds === 0
                ? "at any time"
                : `every ${seconds < 60 ? `${seconds} s` : `${seconds / 60} min`}`}
            </option>
          ))}
        </select>
      </div>
      <div class="moderation-row">
        <span>{isAsking ? "This cannot be undone" : "Everything said here"}</span>
        <button
          type="button"
          class={isAsking ? "button small danger" : "button small"}
          onClick={() => {
            if (isAsking) void moderator.clearRoom(room);
            setAsking(!isAsking);
          }}
        >
          {isAsking ? "Delete all messages" : "Clear the room"}
        </button>
      </div>
    </section>
  );
}

function SanctionList({ moderator }: { moderator: Moderator }) {
  return (
    <section class="moderation-part" aria-label="Muted and banned">
      <h3 class="panel-title">Muted and banned</h3>
      {moderator.sanctions.length === 0 && <p class="soft small">Nobody.</p>}
      <ul class="sanctions">
        {moderator.sanctions.map((sanction) => (
          <SanctionItem key={sanction.user} sanction={sanction} moderator={moderator} />
        ))}
      </ul>
    </section>
  );
}

function SanctionItem({ sanction, moderator }: { sanction: Sanction; moderator: Moderator }) {
  const { user, name, kind } = sanction;
  return (
    <li class="moderation-row">
      <span class="person-name">
        {name} <span class="soft small">{kind === "ban" ? "banned" : "muted"}</span>
      </span>
      <button
        type="button"
        class="text-button"
        aria-label={`Lift: ${name}`}
        onClick={() => void moderator.lift(user)}
      >
        Lift
      </button>
    </li>
  );
}

function Problem({ moderator }: { moderator: Moderator }) {
  return (
    <p class="field-problem" role="alert">
      {moderator.problem}
    </p>
  );
}
