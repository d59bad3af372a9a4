/** The field to write a message. Enter sends, Shift+Enter starts a new line; it works without a connection too. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { maxTextCharacters } from "../../server/text-rules.js";
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";

const counterFrom = 1800;

/** What was written in each room and not sent, for as long as the chat lasts. */
const draftsOf = new WeakMap<Chat, Map<string, string>>();

export interface ComposerProps {
  chat: Chat;
  /** Calls `onSent` once the text is on its way. */
  onSend: (text: string, onSent: () => void) => void;
}

export function Composer({ chat, onSend }: ComposerProps) {
  const room = chat.openRoom;
  const title = chat.titleOf(room);
  const drafts = draftsOf.get(chat) ?? new Map<string, string>();
  draftsOf.set(chat, drafts);
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(() => drafts.get(room) ?? "");
  const length = [...text].length;
  const left = maxTextCharacters - length;
  const canSend = text.trim() !== "" && left >= 0;
  const isLive = chat.status.current.state === "live";

  useEffect(() => {
    // On a phone this would cover half of the room with the keyboard.
    if (matchMedia("(hover: hover)").matches) field.current?.focus();
  }, []);
  useLayoutEffect(() => {
    const area = field.current;
    if (!area) return;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight + 2}px`;
  }, [text]);

  const change = (next: string) => {
    drafts.set(room, next);
    setText(next);
  };
  const send = () => {
    if (!canSend) return;
    onSend(text.trim(), () => {
      change("");
      field.current?.focus();
    });
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div class="composer-box">
        <textarea
          ref={field}
          class="composer-field"
          rows={1}
          dir="auto"
          value={text}
          placeholder={`Message ${chat.labelOf(room)}`}
          aria-label={`Message to ${title}`}
          aria-describedby="composer-hint"
          aria-invalid={left < 0}
          onInput={(event) => change(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="send" disabled={!canSend} aria-label="Send">
          <Icon name="send" />
        </button>
      </div>
      <p id="composer-hint" class="composer-hint">
        <span class={isLive ? "composer-keys live" : "composer-keys"}>
          {isLive ? (
            <>
              <kbd>Enter</kbd> sends, <kbd>Shift</kbd>+<kbd>Enter</kbd> starts a new line
            </>
          ) : (
            "Not connected: your messages wait here and are sent later."
          )}
        </span>
        {length >= counterFrom && (
          <span class={left < 0 ? "counter over" : "counter"} role="status">
            {left < 0 ? `${-left} characters too long` : `${left} characters left`}
          </span>
        )}
      </p>
    </form>
  );
}
