/** The two ways of hearing of news without a WebSocket: to ask again and again, and to ask and wait. */
import { type Letter, type Place, type Position, readChannel } from "./place.js";

export interface ReaderOptions {
  readonly place: Place;
  /** What its requests are marked with. */
  readonly label: string;
  readonly onLetters: (letters: readonly Letter[]) => void;
  /** After each answer: whether there was anything in it, and how long it took, in milliseconds. */
  readonly onAnswer: (hadNews: boolean, tookMs: number, body: string) => void;
  readonly onAsk?: () => void;
  readonly onError: (message: string) => void;
  readonly now: () => number;
}

export interface Reader {
  /** Whether it knows where it stands: it hears of what is published from now on. */
  readonly isReady: boolean;
  stop(): void;
}

export const pollEveryMs = 1000;
export const longPollSeconds = 10;
/** A page that is left open must not go on for ever. */
const maxPolls = 90;

async function read(
  { place, label, now, onAsk, onAnswer, onLetters }: ReaderOptions,
  since: Position | undefined,
  query: string,
  signal?: AbortSignal,
): Promise<Position> {
  const startedAt = now();
  onAsk?.();
  const from = since ? `since=${encodeURIComponent(`${since.epoch}:${since.offset}`)}&${query}` : "limit=0&";
  const answer = await readChannel(place.request(label, from), signal);
  const letters = answer.publications ?? [];
  // The first answer only says where the reader stands.
  if (since !== undefined) onAnswer(letters.length > 0, now() - startedAt, JSON.stringify(answer));
  if (letters.length > 0) onLetters(letters);
  return { epoch: answer.epoch, offset: answer.offset };
}

const wait = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });

/** @param step reads once @returns where it stands then */
function run(
  options: ReaderOptions,
  step: (since: Position | undefined, signal: AbortSignal) => Promise<Position>,
  pause: (startedAt: number, signal: AbortSignal) => Promise<void>,
): Reader {
  const controller = new AbortController();
  const { signal } = controller;
  let since: Position | undefined;
  const tryStep = async () => {
    const startedAt = options.now();
    try {
      since = await step(since, signal);
    } catch (error) {
      if (signal.aborted) return;
      // Such as a server that is busy: it is asked again, a little later.
      options.onError(error instanceof Error ? error.message : String(error));
      await wait(pollEveryMs, signal);
      return;
    }
    if (!signal.aborted) await pause(startedAt, signal);
  };
  const loop = async () => {
    for (let count = 0; count < maxPolls && !signal.aborted; count++) await tryStep();
  };
  void loop();
  return {
    get isReady() {
      return since !== undefined;
    },
    stop: () => controller.abort(),
  };
}

/** Asks every second. */
export function startPolling(options: ReaderOptions): Reader {
  return run(
    options,
    // An answer that is under way is waited for, so that it is counted.
    (since) => read(options, since, ""),
    (startedAt, signal) => wait(Math.max(0, pollEveryMs - (options.now() - startedAt)), signal),
  );
}

/** Asks, and lets the server wait with its answer until there is something to say. */
export function startLongPolling(options: ReaderOptions): Reader {
  return run(
    options,
    (since, signal) => read(options, since, `wait=${longPollSeconds}s&`, signal),
    () => Promise.resolve(),
  );
}
