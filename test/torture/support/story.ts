/** Makes histories by hand, in the order in which they are told. */

import type { Loss, Store } from "../channels.js";
import { checkHistory } from "../checker.js";
import {
  type ChannelLog,
  type History,
  type LogEntry,
  type Position,
  type PresenceList,
  type PublicationId,
  type Published,
  type Reading,
  Recorder,
} from "../history.js";

/** The promises that are broken, each once per breach. */
export function broken(history: History): string[] {
  return checkHistory(history).map(({ promise }) => promise);
}

/** "7/3" is the third publication of publisher 7. */
export function idOf(name: string): PublicationId {
  const [publisher, n] = name.split("/").map(Number);
  return { publisher: publisher as number, n: n as number };
}

/** "a:5" is offset 5 of epoch a. */
export function positionOf(text: string): Position {
  const [epoch, offset] = text.split(":");
  return { epoch: epoch as string, offset: Number(offset) };
}

/**
 * "a: 7/1 7/2" is a log of epoch a from offset 1; "a@5: 7/9" begins at offset 5; "a@5:" is empty with head 4. In channels
 * of the latest, "7/1=k" has the key k.
 */
export function logOf(channel: string, text: string): ChannelLog {
  const [head, ...rest] = text.split(" ").filter((part) => part !== "");
  const [epoch, first = "1"] = (head as string).replace(":", "").split("@");
  const entries: LogEntry[] = rest.map((text, index) => {
    const [name, key] = text.split("=") as [string, string | undefined];
    return { ...idOf(name), offset: Number(first) + index, ...(key !== undefined && { key }) };
  });
  const position = { epoch: epoch as string, offset: Number(first) + entries.length - 1 };
  return { channel, position, entries };
}

function valuesOf(values: readonly string[]): Map<string, string> {
  return new Map(values.map((value) => value.split("=") as [string, string]));
}

export class Story {
  readonly #recorder = new Recorder();
  readonly #channel: string;
  readonly #published = new Map<string, Published>();

  constructor(channel: string) {
    this.#channel = channel;
  }

  /** Sends it once more, or for the first time. @param position where the answer says it is; undefined for no answer */
  publish(name: string, position?: string, key?: string): this {
    this.send(name, key);
    if (position !== undefined) this.acknowledge(name, position);
    return this;
  }

  send(name: string, key?: string, isTagged = false): this {
    let published = this.#published.get(name);
    if (published === undefined) {
      published = this.#recorder.publication(idOf(name), this.#channel, key, isTagged);
      this.#published.set(name, published);
    }
    published.attempts.push({ sentAt: this.#recorder.tick() });
    return this;
  }

  /** Answers the last time that it was sent. @param position "" for an answer that has none */
  acknowledge(name: string, position: string): this {
    const attempt = this.#published.get(name)?.attempts.at(-1);
    if (attempt === undefined) throw new Error(`${name} was not sent`);
    attempt.acknowledgement = {
      at: this.#recorder.tick(),
      ...(position !== "" && { position: positionOf(position) }),
      isDuplicate: false,
    };
    return this;
  }

  end(loss: Loss): this {
    this.#recorder.end(loss);
    return this;
  }

  /** What one client sees: "+a" is a join, "-a" a leave, "|" a new subscription of its own. */
  watch(...events: string[]): this {
    const watch = this.#recorder.watch("w", this.#channel);
    let subscription = 1;
    for (const event of events) {
      if (event === "|") subscription++;
      else
        watch.events.push({
          kind: event.startsWith("+") ? "join" : "leave",
          subscription,
          client: event.slice(1),
        });
    }
    return this;
  }

  /** Publishes it with tags. */
  tagged(name: string, position: string): this {
    return this.send(name, undefined, true).acknowledge(name, position);
  }

  reader(name: string, onlyUntagged = false): StoryReader {
    return new StoryReader(this.#recorder, this.#recorder.reading(name, this.#channel, onlyUntagged));
  }

  /** @param log as `logOf` takes it; of a map, with the `values` that it and the log after a restart have, as `has` takes them; `others`: as further nodes give it */
  history(
    log: string,
    {
      after,
      others = [],
      presence = [],
      store = "disk",
      values,
      valuesAfter = values,
    }: {
      after?: string;
      others?: string[];
      presence?: PresenceList[];
      store?: Store;
      values?: string[];
      valuesAfter?: string[] | undefined;
    } = {},
  ): History {
    const withValues = (text: string, own: string[] | undefined) => ({
      ...logOf(this.#channel, text),
      ...(own && { values: valuesOf(own) }),
    });
    const { publications, readings, watches, ends } = this.#recorder;
    return {
      store,
      publications,
      readings,
      ends,
      restedAt: this.#recorder.tick(),
      logs: [withValues(log, values)],
      logsOfOthers: others.map((text) => withValues(text, values)),
      presence,
      watches,
      logsAfterRestart: after === undefined ? [] : [withValues(after, valuesAfter)],
    };
  }
}

export class StoryReader {
  readonly #recorder: Recorder;
  readonly #reading: Reading;
  #connection = 0;
  #epoch = "";

  constructor(recorder: Recorder, reading: Reading) {
    this.#recorder = recorder;
    this.#reading = reading;
  }

  /** On a new connection, without asking for recovery. */
  subscribe(position: string): this {
    return this.#subscribed(undefined, position, false);
  }

  recover(asked: string, position: string): this {
    return this.#subscribed(asked, position, true);
  }

  /** Asks for recovery, and is told that there is none. */
  told(asked: string, position: string): this {
    return this.#subscribed(asked, position, false);
  }

  /** "7/1@5" is delivered at offset 5 of the epoch of the subscription; with "b:" before the offset, of epoch b. */
  get(...deliveries: string[]): this {
    for (const delivery of deliveries) {
      const [name, where] = delivery.split("@") as [string, string];
      const position = where.includes(":")
        ? positionOf(where)
        : { epoch: this.#epoch, offset: Number(where) };
      this.#reading.events.push({ kind: "delivered", ...this.#now(), position, id: idOf(name) });
    }
    return this;
  }

  /** "k=7/1" is the value of a key of a map. */
  has(...values: string[]): this {
    this.#reading.values = valuesOf(values);
    return this;
  }

  unsubscribed(code = 2500): this {
    this.#reading.events.push({ kind: "unsubscribed", ...this.#now(), code });
    return this;
  }

  refused(code = 112): this {
    this.#reading.events.push({ kind: "refused", ...this.#now(), code });
    return this;
  }

  close(): this {
    this.#reading.events.push({ kind: "closed", ...this.#now() });
    return this;
  }

  #subscribed(asked: string | undefined, position: string, isRecovered: boolean): this {
    this.#connection++;
    this.#epoch = positionOf(position).epoch;
    this.#reading.events.push({
      kind: "subscribed",
      ...this.#now(),
      ...(asked !== undefined && { asked: positionOf(asked) }),
      position: positionOf(position),
      isRecovered,
    });
    return this;
  }

  #now(): { at: number; connection: number } {
    return { at: this.#recorder.tick(), connection: this.#connection };
  }
}
