/**
 * Publishes numbered publications into one channel. Those with an idempotency key are sent again until they are
 * acknowledged; those without are never sent again, whatever became of them.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isMap } from "./channels.js";
import type { Attempt, PublicationId, Published, Recorder } from "./history.js";
import type { PublishLine, PublishOutcome } from "./publish-ways.js";
import type { Random } from "./random.js";

export interface PublisherOptions {
  readonly number: number;
  readonly channel: string;
  readonly isKeyed: boolean;
  /** What its publications are about, in channels of the latest and in maps: one of these each. */
  readonly subjects: readonly string[];
  /** Whether every other publication has tags. */
  readonly isTagging: boolean;
  /** Publications under way at a time. */
  readonly window: number;
  /** Mean time between two, for each of those under way at a time. */
  readonly gapMs: number;
  readonly line: PublishLine;
  readonly random: Random;
  readonly recorder: Recorder;
  readonly onFailure: (text: string) => void;
}

export interface PublisherCounts {
  sent: number;
  acknowledged: number;
  retried: number;
  unknown: number;
}

const retryDelayMs = 60;
/** How many keyed publications are sent once more after they were acknowledged: only the answer may come of it. */
const repeatChance = 0.04;
/** How often one of the last ones is, whatever has happened in between. */
const lateRepeatChance = 0.05;
const mostRemembered = 20;
/** Keys are kept for 5 minutes. */
const repeatWindowMs = 120_000;

export class Publisher {
  readonly options: PublisherOptions;
  readonly counts: PublisherCounts = { sent: 0, acknowledged: 0, retried: 0, unknown: 0 };
  readonly #workers: Promise<unknown>;
  readonly #bursts = new Set<Promise<void>>();
  /** The last ones with a key, and when they were sent first. */
  #acknowledged: readonly { readonly published: Published; readonly time: number }[] = [];
  #next = 1;
  #isFinishing = false;
  #isAbandoned = false;

  constructor(options: PublisherOptions) {
    this.options = options;
    this.#workers = Promise.all(Array.from({ length: options.window }, () => this.#work()));
  }

  get localPort(): number | undefined {
    return this.options.line.localPort;
  }

  /** Begins nothing new. Resolves when nothing is left that it is bound to bring home. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    await this.#workers;
    await Promise.all(this.#bursts);
  }

  /** Gives up on what is not acknowledged yet. */
  stop(): void {
    this.#isFinishing = true;
    this.#isAbandoned = true;
    this.options.line.stop();
  }

  /** The last of the run, without tags, so that those who filter get to the end as well. */
  async finishChannel(channel: string): Promise<void> {
    await this.#publish(channel, "");
  }

  /** Publishes so many at once, and returns. */
  burst(count: number, channel: string, bytes: number): void {
    for (let i = 0; i < count; i++) {
      const publishing = this.#publish(channel, "x".repeat(bytes));
      this.#bursts.add(publishing);
      void publishing.finally(() => this.#bursts.delete(publishing));
    }
  }

  async #work(): Promise<void> {
    const { random, gapMs, channel } = this.options;
    while (!this.#isFinishing) {
      await sleep(random.next() * 2 * gapMs);
      if (this.#isFinishing) return;
      // Most are short; some fill several frames of the line.
      const bytes = random.chance(0.1) ? random.integer(100, 3000) : random.integer(0, 60);
      await this.#publish(channel, "x".repeat(bytes));
      if (random.chance(lateRepeatChance)) await this.#repeatOne();
    }
  }

  async #repeatOne(): Promise<void> {
    const { random } = this.options;
    const recent = this.#acknowledged.filter(({ time }) => Date.now() - time < repeatWindowMs);
    if (recent.length > 0) await this.#send(random.pick(recent).published, "");
  }

  async #publish(channel: string, filler: string): Promise<void> {
    const { number, isKeyed, recorder, random } = this.options;
    const id: PublicationId = { publisher: number, n: this.#next++ };
    const key = isKeyed ? `torture ${id.publisher}/${id.n}` : undefined;
    const published = recorder.publication(id, channel, key, this.options.isTagging && id.n % 2 === 0);
    const time = Date.now();
    for (let attempt = 1; !this.#isAbandoned; attempt++) {
      const outcome = await this.#send(published, filler);
      if (outcome === undefined) return;
      if (outcome.kind === "acknowledged") {
        if (isKeyed && random.chance(repeatChance)) continue;
        if (isKeyed) this.#acknowledged = [...this.#acknowledged, { published, time }].slice(-mostRemembered);
        return;
      }
      if (outcome.kind === "refused" && !this.#mayRetry(outcome)) return;
      if (!isKeyed) return;
      this.counts.retried++;
      await sleep(retryDelayMs * Math.min(attempt, 5) * (0.5 + random.next()));
    }
  }

  /** @returns undefined when it was not sent, because the line has been stopped */
  async #send(published: Published, filler: string): Promise<PublishOutcome | undefined> {
    const { line, recorder, subjects } = this.options;
    if (!(await line.ready())) return undefined;
    const { publisher: p, n, channel, key, isTagged } = published;
    const attempt: Attempt = { sentAt: recorder.tick() };
    published.attempts.push(attempt);
    this.counts.sent++;
    const data = { p, n, ...(filler !== "" && { filler }) };
    const outcome = await line.publish({
      channel,
      data,
      idempotencyKey: key,
      // The same again each time that it is sent.
      key: subjects[n % subjects.length] ?? (isMap(channel) ? "last" : undefined),
      ...(isTagged && { tags: { side: "left" } }),
      isMap: isMap(channel),
    });
    if (outcome.kind === "acknowledged") {
      const { position, isDuplicate } = outcome;
      attempt.acknowledgement = { at: recorder.tick(), ...(position && { position }), isDuplicate };
      this.counts.acknowledged++;
    } else this.counts.unknown++;
    return outcome;
  }

  #mayRetry({ error }: Extract<PublishOutcome, { kind: "refused" }>): boolean {
    if (error.temporary === true) return true;
    const { number, channel } = this.options;
    this.options.onFailure(`publisher ${number} in ${channel} was refused: ${error.code} ${error.message}`);
    return false;
  }
}
