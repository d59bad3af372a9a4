/** One client: the document in which its code runs, and what goes over its connection. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useNow } from "../../shared/hooks.js";
import { Icon } from "../../shared/icon.js";
import type { Beginning } from "../model/messages.js";
import type { PlayClient, Playground } from "../model/playground.js";

export function ClientPane({ playground, client }: { playground: Playground; client: PlayClient }) {
  const { me, devtools } = client;
  const frame = useRef<HTMLIFrameElement>(null);
  const log = useRef<HTMLDivElement>(null);
  const hasBegun = useRef(false);
  useEffect(() => {
    let isOver = false;
    let unmount = () => {};
    if (log.current)
      void devtools.mount(log.current).then((remove) => {
        unmount = remove;
        if (isOver) remove();
      });
    return () => {
      isOver = true;
      unmount();
    };
  }, [devtools]);
  const begin = () => {
    const target = frame.current?.contentWindow;
    // Once: a document that the code has opened in its place gets no port.
    if (!target || hasBegun.current) return;
    hasBegun.current = true;
    const { port1, port2 } = new MessageChannel();
    playground.connect(client, port1);
    const beginning: Beginning = { type: "begin", code: playground.code, me, room: playground.room };
    // The sandbox has an origin that cannot be named.
    target.postMessage(beginning, "*", [port2]);
  };
  return (
    <section class="client" aria-label={`Client ${me}`}>
      <div class="client-head">
        <h2>Client {me}</h2>
        <CutButton client={client} />
      </div>
      {client.ended === undefined ? (
        <iframe
          ref={frame}
          title={`Output of client ${me}`}
          src="./sandbox"
          sandbox="allow-scripts"
          onLoad={begin}
        />
      ) : (
        <p class="client-ended" role="alert">
          Stopped: {client.ended}. Change the code and run it again.
        </p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also with the keyboard alone */}
      <section class="client-log" tabIndex={0} aria-label={`Messages of client ${me}`} ref={log} />
    </section>
  );
}

function CutButton({ client: { me, devtools } }: { client: PlayClient }) {
  const [isCut, setCut] = useState(false);
  const now = useNow(isCut);
  const until = devtools.interruptedUntil;
  useEffect(() => {
    if (isCut && until === undefined) setCut(false);
  }, [now]);
  const left = until === undefined ? 0 : Math.max(1, Math.ceil((until - now) / 1000));
  return (
    <button
      type="button"
      class="button small"
      aria-label={until === undefined ? `Cut client ${me} off for six seconds` : `Client ${me} is cut off`}
      aria-disabled={until !== undefined}
      onClick={() => {
        devtools.interrupt();
        setCut(true);
      }}
    >
      <Icon name="scissors" />
      {until === undefined ? "Cut the line" : `Cut: ${left} s`}
    </button>
  );
}
