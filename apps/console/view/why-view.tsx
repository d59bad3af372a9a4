/** Why a user did or did not get a publication: the question as a form, the answer as a sentence with its evidence. */
import { useState } from "preact/hooks";
import type { WhyAnswer } from "../model/answers.js";
import { messageOf } from "../model/api.js";
import { formatTime } from "../model/format.js";
import { linkTo } from "../model/place.js";
import { emptyQuestion, paramsOf, type Question } from "../model/why.js";
import { replacePlace } from "./hooks.js";
import { ViewHead, type ViewProps } from "./parts.js";

export function WhyView({ api, query }: ViewProps & { query: Readonly<Record<string, string>> }) {
  const [question, setQuestion] = useState<Question>({ ...emptyQuestion, ...query });
  const [answer, setAnswer] = useState<WhyAnswer>();
  const [problem, setProblem] = useState<string>();
  const [isAsking, setAsking] = useState(false);
  const ask = async (event: Event) => {
    event.preventDefault();
    const params = paramsOf(question);
    if (typeof params === "string") return setProblem(params);
    setAsking(true);
    replacePlace(linkTo("why", "", { ...question }));
    try {
      setAnswer(await api.call<WhyAnswer>("why", params));
      setProblem(undefined);
    } catch (error) {
      setAnswer(undefined);
      setProblem(messageOf(error));
    } finally {
      setAsking(false);
    }
  };
  const field = (name: keyof Question, label: string, more: object = {}) => (
    <label class="filter">
      <span class="label">{label}</span>
      <input
        class="field"
        name={name}
        autocapitalize="off"
        spellcheck={false}
        value={question[name]}
        onInput={(event) => setQuestion({ ...question, [name]: event.currentTarget.value })}
        {...more}
      />
    </label>
  );
  return (
    <>
      <ViewHead title="Why did it not arrive?" />
      <div class="why">
        <form class="panel why-form" onSubmit={(event) => void ask(event)}>
          {field("channel", "Channel", { required: true })}
          {field("user", "User id", { placeholder: "empty for an anonymous client" })}
          {field("offset", "Offset", { inputMode: "numeric", placeholder: "the newest" })}
          <details open={question.idempotency_key !== "" || question.client !== "" || question.epoch !== ""}>
            <summary>More</summary>
            <div class="why-more">
              {field("idempotency_key", "Idempotency key", { placeholder: "instead of the offset" })}
              {field("client", "Connection id", { placeholder: "any of the user’s" })}
              {field("epoch", "Epoch", { placeholder: "the current one" })}
            </div>
          </details>
          <button type="submit" class="button primary" disabled={isAsking}>
            {isAsking ? "Asking all nodes …" : "Ask"}
          </button>
        </form>
        <div class="why-answer" role="status">
          {problem !== undefined && <p class="note bad">{problem}</p>}
          {!answer && problem === undefined && (
            <p class="note empty">
              Name a channel and a user. The nodes remember who was connected and subscribed from where to
              where, and who was behind; the log says what was published. Offsets stand beside the
              publications of a channel.
            </p>
          )}
          {answer && <Answer answer={answer} />}
        </div>
      </div>
    </>
  );
}

function Answer({ answer: { sentence, cause, evidence, silent } }: { answer: WhyAnswer }) {
  return (
    <section class="panel" aria-label="Answer">
      <p class="why-sentence" data-testid="why-sentence" dir="auto">
        {sentence}
      </p>
      <p class="small soft">
        Cause: <code>{cause}</code>
      </p>
      {silent.length > 0 && (
        <p class="note bad">Did not answer in time, so that this may be incomplete: {silent.join(", ")}.</p>
      )}
      {evidence.length > 0 && (
        <>
          <h2 class="part-title">Evidence</h2>
          <ol class="evidence">
            {evidence.map(({ at, node, client, text }, i) => (
              <li key={i}>
                <span class="evidence-time">{at === undefined ? "" : formatTime(at, Date.now())}</span>
                <span class="evidence-text" dir="auto">
                  {text}
                </span>
                <span class="evidence-where">
                  {node}
                  {client !== undefined && (
                    <>
                      {" "}
                      <a href={linkTo("connection", client)}>{client.slice(0, 8)}</a>
                    </>
                  )}
                </span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}
