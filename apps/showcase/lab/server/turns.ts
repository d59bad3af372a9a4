/**
 * Whose turn it is: one run at a time, for it keeps the whole machine busy, and two would measure each other. The next may begin
 * when all processes of the last are gone. A run that nobody follows any more ends by itself.
 */
import { randomBytes } from "node:crypto";
import { reject, type User } from "holdfast";
import type { Repeat } from "../../server/part.js";
import { Watch } from "../../server/watch.js";

export interface TurnsOptions {
  /** How many follow a run. */
  readonly followers: (run: string) => Promise<number>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly repeat: Repeat;
  readonly onError: (error: unknown) => void;
}

/** What a run does when it ends, whoever ends it: resolves once nothing of it is left. */
export type End = () => Promise<void>;

export interface Turn {
  readonly run: string;
  readonly user: string;
  readonly name: string;
  /** Unix milliseconds: when it will be over, as far as can be told. */
  readonly endsAt: number;
}

interface Taken extends Turn {
  readonly watch: Watch;
  readonly end: End;
  ending: Promise<void> | undefined;
}

export const busyCode = 409;
export const unknownCode = 404;
/** How long a run goes on whose page is gone: one whose line is cut comes back. */
const lingerMs = 15_000;
/** Beyond the time it was thought to take. */
const slackMs = 60_000;

export class Turns {
  readonly #options: TurnsOptions;
  #taken: Taken | undefined;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  /** @throws Rejection while somebody else has it */
  assertFree(): void {
    if (!this.#taken) return;
    const { name, endsAt } = this.#taken;
    const seconds = Math.max(1, Math.ceil((endsAt - this.#options.now()) / 1000));
    reject(busyCode, `${name} is using the lab: try again in about ${seconds} s`);
  }

  /** Ends the run that this person has, if any: one who begins anew, as after a reload, wants no other. */
  async endOwn({ id }: User): Promise<void> {
    if (this.#taken?.user === id) await this.#end(this.#taken);
  }

  /** @param expectedMs how long it will take @throws Rejection while somebody has it */
  begin({ id: user, info }: User, expectedMs: number, end: End): Turn {
    this.assertFree();
    const { followers, now, repeat, onError } = this.#options;
    const run = randomBytes(9).toString("base64url");
    const { name = "a program" } = (info ?? {}) as { readonly name?: string };
    const watch = new Watch({
      ...{ now, repeat, onError, lingerMs },
      // Nor does it go on for good where somebody looks at it.
      count: async () => (now() > taken.endsAt + slackMs ? 0 : await followers(run)),
      begin: () => {},
      end: () => void this.#end(taken),
    });
    const taken: Taken = { run, user, name, endsAt: now() + expectedMs, watch, end, ending: undefined };
    this.#taken = taken;
    watch.open();
    watch.arrive();
    return taken;
  }

  /** @throws Rejection where it is over, or another's */
  assertOwn({ id }: User, run: string): void {
    if (this.#taken?.run !== run || this.#taken.user !== id || this.#taken.ending)
      reject(unknownCode, "that run of the lab is over");
  }

  /** Ends a run, unless it is over; resolves once nothing of it is left. */
  async end(run: string): Promise<void> {
    if (this.#taken?.run === run) await this.#end(this.#taken);
  }

  /** A run that has come to its end by itself: nothing of it is left. */
  finish(run: string): void {
    const taken = this.#taken;
    if (taken?.run !== run) return;
    this.#taken = undefined;
    taken.ending ??= Promise.resolve();
    taken.watch.close();
  }

  /** Ends whatever goes on. */
  async stop(): Promise<void> {
    if (this.#taken) await this.#end(this.#taken);
  }

  async #end(taken: Taken): Promise<void> {
    taken.ending ??= taken
      .end()
      .catch(this.#options.onError)
      .then(() => {
        if (this.#taken === taken) this.#taken = undefined;
      });
    taken.watch.close();
    await taken.ending;
  }
}
