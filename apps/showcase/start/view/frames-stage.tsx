/** Scene 4: frames of this page's WebSocket in both directions, and one of them opened up bit by bit. */
import { useState } from "preact/hooks";
import type { StageProps } from "../main.js";
import { bitsOf, type FrameParts, hexOf, readFrame } from "../model/frame-bits.js";
import type { FrameSeen } from "../trace-types.js";
import { maxTextLength } from "../trace-types.js";
import { formatMs, Note, Problem } from "./parts.js";

const shownFrames = 7;
const shownPayload = 16;

export function FramesStage({ story }: StageProps) {
  const [text, setText] = useState("Hello");
  const [chosen, setChosen] = useState<number>();
  /** Unless one is chosen, the newest of the side that was asked to speak is open. */
  const [speaker, setSpeaker] = useState<"up" | "down">("up");
  const frames = story.tap.framesOf("line");
  const shown = frames.slice(-shownFrames).reverse();
  const opened =
    frames.find(({ id }) => id === chosen) ??
    shown.find(({ direction }) => direction === speaker) ??
    shown[0];
  const canSend = story.isOpen || story.isRefused;
  const send = (event: Event) => {
    event.preventDefault();
    if (text.trim() === "" || !canSend) return;
    setChosen(undefined);
    setSpeaker("up");
    void story.send(text.trim());
  };
  return (
    <>
      <form class="stage-actions" onSubmit={send}>
        <input
          class="field"
          aria-label="What to send"
          dir="auto"
          maxLength={maxTextLength}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="button primary" disabled={!canSend}>
          Send
        </button>
        <button
          type="button"
          class="button"
          disabled={!story.isOpen}
          onClick={() => {
            setChosen(undefined);
            setSpeaker("down");
            void story.askServerToSpeak();
          }}
        >
          Let the server speak
        </button>
      </form>
      <NeedsLine story={story} />
      <Note testId="frames-note">
        {story.lineDelay === undefined
          ? story.isRefused
            ? "Sent with a request, back over the event stream."
            : ""
          : `There and back in ${formatMs(story.lineDelay)}.`}
      </Note>
      <Problem text={story.problem} />
      {opened && <OpenFrame frame={opened} />}
      {shown.length > 0 && (
        <ul class="frame-list" aria-label="Frames, newest first">
          {shown.map((frame) => (
            <FrameRow
              key={frame.id}
              frame={frame}
              isOpen={frame === opened}
              onOpen={() => setChosen(frame.id)}
            />
          ))}
        </ul>
      )}
      {story.isRefused && <Inbox story={story} />}
    </>
  );
}

export function NeedsLine({ story }: StageProps) {
  if (story.isOpen || story.isRefused) return null;
  return (
    <p class="needs-line">
      This needs an open line.{" "}
      <button type="button" class="text-button" onClick={() => story.openLine()}>
        Open one
      </button>
    </p>
  );
}

function Inbox({ story }: StageProps) {
  return (
    <ul class="inbox" aria-label="Letters over the event stream">
      {story.inbox.map(({ offset, data }) => (
        <li key={offset} dir="auto">
          {data.text}
        </li>
      ))}
    </ul>
  );
}

function FrameRow({ frame, isOpen, onOpen }: { frame: FrameSeen; isOpen: boolean; onOpen: () => void }) {
  const parts = readFrame(frame.hex);
  const isUp = frame.direction === "up";
  return (
    <li>
      <button type="button" class={`frame-row ${frame.direction}`} aria-pressed={isOpen} onClick={onOpen}>
        <span class="frame-way">{isUp ? "↑ page" : "↓ server"}</span>
        <span class="frame-kind">{parts.opcodeName}</span>
        <span class="frame-bytes">{frame.bytes} B</span>
        <span class="frame-text" dir="auto">
          {describe(parts)}
        </span>
      </button>
    </li>
  );
}

export function describe(parts: FrameParts): string {
  if (parts.closeCode !== undefined) return `${parts.closeCode} ${parts.text}`;
  if (parts.text === "{}") return "{} (are you there?)";
  // The id in the channel's name is long, and the same each time.
  return parts.text.replaceAll(/((?:story|trace):)[\w-]{22}|("trace":")[\w-]{22}/g, "$1$2…");
}

function OpenFrame({ frame }: { frame: FrameSeen }) {
  const parts = readFrame(frame.hex);
  const [first = 0, second = 0] = parts.header;
  const isUp = frame.direction === "up";
  const extended = parts.header.subarray(2);
  return (
    <section
      class={`open-frame ${frame.direction}`}
      aria-label="One frame, bit by bit"
      data-testid="open-frame"
    >
      <div class="bits">
        <Bits
          name="FIN"
          bits={bitsOf(first).slice(0, 1)}
          means={parts.isFinal ? "last part" : "more follows"}
        />
        <Bits
          name="RSV"
          bits={bitsOf(first).slice(1, 4)}
          means={parts.isCompressed ? "compressed" : "unused"}
        />
        <Bits name="opcode" bits={bitsOf(first).slice(4)} means={parts.opcodeName} />
        <Bits
          name="MASK"
          bits={bitsOf(second).slice(0, 1)}
          means={parts.isMasked ? "masked" : "not masked"}
        />
        <Bits
          name="length"
          bits={bitsOf(second).slice(1)}
          means={extended.length > 0 ? `next ${extended.length} bytes` : `${parts.length} bytes`}
        />
        {extended.length > 0 && (
          <Bits
            name="longer length"
            bits={[...extended].map(hexOf).join(" ")}
            means={`${parts.length} bytes`}
          />
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on narrow screens, also with the keyboard alone */}
      <section class="table-scroll" tabIndex={0} aria-label="The first bytes of the payload">
        <table class="xor">
          <tbody>
            {isUp && (
              <>
                <XorRow name="on the line" cells={[...parts.payload].slice(0, shownPayload).map(hexOf)} />
                <XorRow
                  name="⊕ mask"
                  cells={[...parts.payload]
                    .slice(0, shownPayload)
                    .map((_, index) => hexOf(parts.mask[index % 4] ?? 0))}
                />
              </>
            )}
            <XorRow
              name={isUp ? "= bytes" : "on the line"}
              cells={[...parts.plain].slice(0, shownPayload).map(hexOf)}
            />
            <XorRow
              name="as text"
              cellClass="xor-text"
              cells={[...parts.plain]
                .slice(0, shownPayload)
                .map((byte) => (byte > 32 && byte < 127 ? String.fromCharCode(byte) : "·"))}
            />
          </tbody>
        </table>
      </section>
    </section>
  );
}

function Bits({ name, bits, means }: { name: string; bits: string; means: string }) {
  return (
    <div class="bit-field">
      <span class="bit-name">{name}</span>
      <code class="bit-value">{bits}</code>
      <span class="bit-means">{means}</span>
    </div>
  );
}

function XorRow({ name, cells, cellClass }: { name: string; cells: readonly string[]; cellClass?: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      {cells.map((cell, index) => (
        <td key={index} class={cellClass}>
          {cell}
        </td>
      ))}
    </tr>
  );
}
