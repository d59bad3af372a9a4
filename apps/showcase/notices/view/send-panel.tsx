/** Sends one to somebody here, or to oneself in a while. */
import { useState } from "preact/hooks";
import { Icon } from "../../shared/icon.js";
import type { Notices } from "../model/notices.js";
import { maxNoticeCharacters } from "../server/marks.js";

interface Outcome {
  readonly isDone: boolean;
  readonly words: string;
}

const delaySeconds = 5;

export function SendPanel({ notices }: { notices: Notices }) {
  const [name, setName] = useState("");
  const [text, setText] = useState("");
  const [outcome, setOutcome] = useState<Outcome>();
  const [isSending, setSending] = useState(false);
  const left = maxNoticeCharacters - [...text.trim()].length;
  const canSend = name.trim() !== "" && text.trim() !== "" && left >= 0 && !isSending;
  const send = async () => {
    if (!canSend) return;
    setSending(true);
    const result = await notices.notify(name, text);
    setSending(false);
    setOutcome(result);
    if (result.isDone) setText("");
  };
  return (
    <section class="panel" aria-labelledby="send-heading">
      <h2 id="send-heading" class="panel-heading">
        Send one
      </h2>
      <div class="later">
        <button
          type="button"
          class="button primary"
          onClick={async () => setOutcome(await notices.notifyMe(delaySeconds))}
        >
          <Icon name="waiting" />
          Send me one in {delaySeconds} s
        </button>
      </div>
      <form
        class="send"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label>
          <span class="small">To (name)</span>
          <input
            class="field"
            dir="auto"
            value={name}
            maxLength={200}
            autocomplete="off"
            onInput={({ currentTarget }) => setName(currentTarget.value)}
          />
        </label>
        <label>
          <span class="small">Text</span>
          <textarea
            class="field"
            dir="auto"
            rows={2}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <div class="send-foot">
          <button type="submit" class="button" disabled={!canSend}>
            <Icon name="send" />
            Send
          </button>
          {left < 60 && <span class={left < 0 ? "field-problem" : "soft small"}>{left} characters left</span>}
        </div>
      </form>
      <p class={outcome?.isDone === false ? "field-problem" : "small"} role="status" data-testid="outcome">
        {outcome?.words}
      </p>
    </section>
  );
}
