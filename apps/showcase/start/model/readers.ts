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

function run(options: ReaderOptions, step: (signal: AbortSignal) => Promise<void>): Reader {
  const controller = new AbortController();
  const { signal } = controller;
  const tryStep = async () => {
    try {
      await step(signal);
    } catch (error) {
      if (signal.aborted) return;
      // Such as a server that is busy: it is asked again, a little later.
      options.onError(error instanceof Error ? error.message : String(error));
      await wait(pollEveryMs, signal);
    }
  };
  const loop = async () => {
    for (let count = 0; count < maxPolls && !signal.aborted; count++) await tryStep();
  };
  void loop();
  return { stop: () => controller.abort() };
}

/** Asks every second. */
export function startPolling(options: ReaderOptions): Reader {
  let since: Position | undefined;
  return run(options, async (signal) => {
    const startedAt = options.now();
    // An answer that is under way is waited for, so that it is counted.
    since = await read(options, since, "");
    if (signal.aborted) return;
    await wait(Math.max(0, pollEveryMs - (options.now() - startedAt)), signal);
  });
}

/** Asks, and lets the server wait with its answer until there is something to say. */
export function startLongPolling(options: ReaderOptions): Reader {
  let since: Position | undefined;
  return run(options, async (signal) => {
    since = await read(options, since, `wait=${longPollSeconds}s&`, signal);
  });
}
