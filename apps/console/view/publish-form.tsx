/** Publishes to a channel, as the server does: without the channel's permissions, with its schema. */
import { useState } from "preact/hooks";
import type { ChannelRulesAnswer } from "../model/answers.js";
import { type Api, messageOf } from "../model/api.js";
import { parseData } from "../model/parse-data.js";

export interface PublishFormProps {
  api: Api;
  channel: string;
  kind: ChannelRulesAnswer["kind"];
  onDone: (said: string) => void;
}

export function PublishForm({ api, channel, kind, onDone }: PublishFormProps) {
  const [text, setText] = useState("");
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<string>();
  const [isSending, setSending] = useState(false);
  const hasKey = kind === "map" || kind === "latest";
  const publish = async (event: Event) => {
    event.preventDefault();
    const parsed = parseData(text);
    if ("fault" in parsed) return setProblem(parsed.fault);
    setSending(true);
    try {
      const params = { channel, data: parsed.data, ...(hasKey && key !== "" && { key }) };
      const method = kind === "map" ? "map_publish" : "publish";
      const { offset } = await api.call<{ offset: number }>(method, params);
      setText("");
      setProblem(undefined);
      onDone(`Published to ${channel} at offset ${offset}.`);
    } catch (error) {
      setProblem(messageOf(error));
    } finally {
      setSending(false);
    }
  };
  return (
    <details class="panel publish">
      <summary class="panel-heading">Publish</summary>
      <form class="publish-form" onSubmit={(event) => void publish(event)}>
        {hasKey && (
          <>
            <label class="label" for="publish-key">
              Key{kind === "latest" && " (optional)"}
            </label>
            <input
              id="publish-key"
              class="field"
              required={kind === "map"}
              spellcheck={false}
              autocapitalize="off"
              value={key}
              onInput={(event) => setKey(event.currentTarget.value)}
            />
          </>
        )}
        <label class="label" for="publish-data">
          Data, as JSON
        </label>
        <textarea
          id="publish-data"
          class="field code"
          rows={4}
          spellcheck={false}
          autocapitalize="off"
          value={text}
          aria-invalid={problem !== undefined}
          aria-describedby="publish-problem"
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <p class="field-problem" id="publish-problem" role="alert">
          {problem}
        </p>
        <p>
          <button type="submit" class="button primary" disabled={isSending}>
            Publish
          </button>{" "}
          <span class="small soft">Subscribers get it at once. It is published as the server.</span>
        </p>
      </form>
    </details>
  );
}
