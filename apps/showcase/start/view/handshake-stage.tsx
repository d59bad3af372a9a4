/** Scene 3: the opening handshake of this page's own WebSocket, and how the answer comes of the key. */
import type { StageProps } from "../main.js";
import { acceptKeySteps, webSocketGuid } from "../model/accept-key.js";
import { hexOf } from "../model/frame-bits.js";
import { Head, Note, Problem } from "./parts.js";

const asked = ["upgrade", "connection", "sec-websocket-key", "sec-websocket-version"];
const answered = ["upgrade", "connection", "sec-websocket-accept"];

export function HandshakeStage({ story }: StageProps) {
  const { line, tap, isRefused } = story;
  const socket = tap.socketOf("line");
  const isOpen = line?.state === "open";
  const key = fieldOf(socket?.opened.head, "sec-websocket-key");
  return (
    <>
      <div class="stage-actions">
        <button
          type="button"
          class={isOpen ? "button" : "button primary"}
          disabled={isOpen || line?.state === "opening"}
          onClick={() => story.openLine()}
        >
          {isOpen ? "The line is open" : "Open a WebSocket"}
        </button>
      </div>
      {isRefused ? (
        <RefusedNote />
      ) : (
        <Note testId="handshake-note">
          {isOpen ? "One request, one answer, and no more HTTP on this connection." : "No line yet."}
        </Note>
      )}
      <Problem text={isRefused ? undefined : story.problem} />
      <div class="heads">
        <Head title="The page asks" text={socket?.opened.head} marks={asked} testId="handshake-request" />
        <Head
          title="The server agrees"
          text={socket?.opened.answer}
          marks={answered}
          testId="handshake-answer"
        />
      </div>
      {key !== undefined && (
        <AcceptSteps keyText={key} answer={fieldOf(socket?.opened.answer, "sec-websocket-accept")} />
      )}
      {socket && key === undefined && (
        <Note>
          This page came over HTTP/2: the WebSocket is one stream of that connection, opened with an extended
          CONNECT (RFC 8441), which has no key.
        </Note>
      )}
    </>
  );
}

function AcceptSteps({ keyText, answer }: { keyText: string; answer: string | undefined }) {
  const { digest, accept } = acceptKeySteps(keyText);
  return (
    <ol class="steps" aria-label="How the answer comes of the key">
      <li>
        <span class="step-name">key and a fixed text</span>
        <code class="step-bytes">
          <mark>{keyText}</mark>
          {webSocketGuid}
        </code>
      </li>
      <li>
        <span class="step-name">SHA-1: 20 bytes</span>
        <code class="step-bytes">{[...digest].map(hexOf).join(" ")}</code>
      </li>
      <li>
        <span class="step-name">in base64</span>
        <code class="step-bytes" data-testid="accept-computed">
          <mark>{accept}</mark>
        </code>
        <span class={accept === answer ? "step-verdict good" : "step-verdict bad"}>
          {accept === answer ? "is what the server answered" : "is not what the server answered"}
        </span>
      </li>
    </ol>
  );
}

export function RefusedNote() {
  return (
    <div class="refused" role="status" data-testid="refused">
      <p>
        <b>Something between this page and the server refuses WebSockets.</b> Plain HTTP gets through, so a
        proxy that does not know <code>Upgrade</code> is likely.
      </p>
      <p>
        What a client does then: it reads the same channel as an <b>event stream</b>, one HTTP answer that
        never ends, and writes with ordinary requests. This page does so from here on. Behind{" "}
        <code>https</code> such proxies see nothing to refuse.
      </p>
    </div>
  );
}

function fieldOf(head: string | undefined, name: string): string | undefined {
  const line = head?.split("\r\n").find((each) => each.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}
