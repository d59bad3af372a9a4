/** Several that want one store, whose calls to the file system happen one at a time, in an order that a seed decides. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Random } from "../../../../../../test/torture/random.js";

const script = new URL("claimant.mjs", import.meta.url);
const built = new URL("../../../../dist/brokers/lmdb/store-folder.js", import.meta.url);

interface Said {
  readonly at?: string;
  readonly outcome?: string;
}

export class Claimant {
  /** What the last attempt came to; `owner` while it has the store. */
  outcome = "";
  readonly #worker: Worker;
  readonly #decision = new Int32Array(new SharedArrayBuffer(4));
  #isRunning = true;
  #isWaiting = false;
  #onPause: (() => void) | undefined;

  constructor() {
    const workerData = { decision: this.#decision.buffer, module: built.href };
    this.#worker = new Worker(script, { workerData });
    this.#worker.on("message", ({ at, outcome }: Said) => {
      this.#isRunning = false;
      this.#isWaiting = at !== undefined;
      this.outcome = outcome ?? "";
      this.#onPause?.();
    });
  }

  /** Whether it waits before a call to the file system. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  get isOwner(): boolean {
    return this.outcome === "owner";
  }

  /** Resolves once it waits, or is done. */
  async paused(): Promise<void> {
    if (!this.#isRunning) return;
    await new Promise<void>((resolve) => {
      this.#onPause = resolve;
    });
  }

  take(folder: string): Promise<void> {
    return this.#send({ folder });
  }

  /** Its process ends: at the call where it waits, or with the store. */
  die(): Promise<void> {
    return this.#isWaiting ? this.#decide(2) : this.#send({});
  }

  goOn(): Promise<void> {
    return this.#decide(1);
  }

  async end(): Promise<void> {
    if (this.#isWaiting) await this.die();
    await this.#worker.terminate();
  }

  #send(message: object): Promise<void> {
    this.#isRunning = true;
    this.#worker.postMessage(message);
    return this.paused();
  }

  #decide(decision: 1 | 2): Promise<void> {
    this.#isRunning = true;
    this.#isWaiting = false;
    Atomics.store(this.#decision, 0, decision);
    Atomics.notify(this.#decision, 0);
    return this.paused();
  }
}

/** @returns the most that had the store at once, and how often it was taken */
export async function runRound(
  claimants: readonly Claimant[],
  random: Random,
  options: { readonly folder: string; readonly steps: number; readonly deaths: number },
): Promise<{ readonly owners: number; readonly taken: number }> {
  const { folder, steps, deaths } = options;
  mkdirSync(folder, { mode: 0o700 });
  const owners = () => claimants.filter(({ isOwner }) => isOwner).length;
  let most = 0;
  let taken = 0;
  for (let i = 0; i < steps; i++) {
    const claimant = random.pick(claimants);
    const { isOwner } = claimant;
    if (claimant.isWaiting) await (random.chance(deaths) ? claimant.die() : claimant.goOn());
    else if (!isOwner) await claimant.take(folder);
    else if (random.chance(4 * deaths)) await claimant.die();
    if (!isOwner && claimant.isOwner) taken++;
    most = Math.max(most, owners());
  }
  for (const claimant of claimants) {
    while (claimant.isWaiting) await claimant.goOn();
    most = Math.max(most, owners());
  }
  // Nothing that the dead have left keeps the store from the living.
  for (const claimant of claimants) if (claimant.isOwner) await claimant.die();
  const [last] = claimants as [Claimant];
  await last.take(folder);
  while (last.isWaiting) await last.goOn();
  if (!last.isOwner) throw new Error(`nobody can have the store in ${folder}: ${last.outcome}`);
  await last.die();
  return { owners: most, taken };
}

export const folderOf = (parent: string, round: number): string => join(parent, String(round));
