/**
 * Follows a channel over an event stream, from a position on: what is published while the stream opens is not missed. An
 * `EventSource` reconnects by itself after a broken connection, but not after a refusal, such as that of a busy server; this does.
 */
import type { Position } from "./place.js";

/** What of an `EventSource` is used here. */
export interface EventStream {
  readonly readyState: number;
  onopen: (() => void) | null;
  onerror: (() => void) | null;
  onmessage: ((event: { readonly data: unknown; readonly lastEventId: string }) => void) | null;
  close(): void;
}

export interface FollowOptions {
  /** Where to begin; asked again until it is answered. */
  readonly begin: () => Promise<Position>;
  /** @param since position, as events have it for an id */
  readonly address: (since: string) => string;
  readonly onData: (data: unknown) => void;
  readonly onState?: (isOpen: boolean) => void;
  /** @default `EventSource` */
  readonly open?: (url: string) => EventStream;
  /** @default `setTimeout` */
  readonly later?: (delayMs: number, task: () => void) => void;
}

const retryMs = 1000;
/** WHATWG HTML §9.2: it will not reconnect. */
const closed = 2;

export function followEvents({
  begin,
  address,
  onData,
  onState = () => {},
  open = (url) => new EventSource(url) as EventStream,
  later = (delayMs, task) => setTimeout(task, delayMs),
}: FollowOptions): void {
  let since: string | undefined;
  const follow = (from: string) => {
    since = from;
    const stream = open(address(from));
    stream.onopen = () => onState(true);
    stream.onmessage = ({ data, lastEventId }) => {
      since = lastEventId || since;
      onData(JSON.parse(String(data)));
    };
    stream.onerror = () => {
      onState(false);
      if (stream.readyState === closed) later(retryMs, start);
    };
  };
  const start = () => {
    if (since !== undefined) follow(since);
    else
      begin().then(
        ({ epoch, offset }) => follow(`${epoch}:${offset}`),
        () => later(retryMs, start),
      );
  };
  start();
}
