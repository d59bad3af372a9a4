/** Asks the process that owns a store to keep its journal while another one copies it. */
import { randomUUID } from "node:crypto";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { backupError, type HeldJournal } from "../lmdb/back-up-store.js";
import type { JournalEnd } from "../lmdb/checkpoints.js";
import { findOwner, findRunningOwner } from "../lmdb/store-folder.js";
import { type CopyCall, decodeFailure, encodeCall } from "./calls.js";
import { type Frame, kinds } from "./frames.js";
import { connectLink } from "./owner-link.js";
import { keepAliveDuring } from "./shared-store.js";

export interface HoldJournalOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly schedule: (run: () => void) => void;
}

/**
 * @returns undefined if no process has the store
 * @throws HF_STORE_IN_USE if the process that has it does not share it, or does not answer
 */
export async function holdJournal(options: HoldJournalOptions): Promise<HeldJournal | undefined> {
  const { folder } = options;
  const owner = findOwner(folder);
  if (owner === undefined) return undefined;
  if (owner.key === undefined) {
    if ((await findRunningOwner(folder)) === undefined) return undefined;
    throw new HoldfastError(
      "HF_STORE_IN_USE",
      `the store in ${folder} is used by the process ${owner.pid} alone. End it first, or let it use the folder by the option data instead of broker lmdb://`,
      { details: { folder, pid: owner.pid } },
    );
  }
  const calls = new Calls(owner.pid);
  const connecting = connectLink({
    ...options,
    owner: { ...owner, key: owner.key },
    follower: randomUUID(),
    isGuest: true,
    onFrame: (frame) => calls.receive(frame),
    onClose: () => calls.fail(),
  });
  const link = await keepAliveDuring(connecting);
  if (link === undefined) return undefined;
  const call = (method: CopyCall["method"]) =>
    keepAliveDuring(calls.make((id) => link.send(encodeCall(id, { method }))));
  await call("holdJournal");
  return {
    end: async () => {
      const end = (await call("journalEnd")) as JournalEnd | null;
      if (end === null)
        throw backupError(
          `the server with process id ${owner.pid} has stopped keeping its journal for the copy, since it grew too much; copy to a faster disk, or at a quieter time`,
        );
      return end;
    },
    release: () => link.destroy(),
  };
}

/** A few calls, each with its result. */
class Calls {
  readonly #pid: number;
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: unknown): void }>();
  #last = 0;
  #failure: HoldfastError | undefined;

  constructor(pid: number) {
    this.#pid = pid;
  }

  make(send: (id: number) => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#failure) throw this.#failure;
      const id = ++this.#last;
      this.#waiting.set(id, { resolve, reject });
      send(id);
    });
  }

  receive(frame: Frame): void {
    const waiting = this.#waiting.get(frame.id);
    if (waiting === undefined) return;
    if (frame.kind === kinds.result) waiting.resolve(frame.head);
    else if (frame.kind === kinds.failure) waiting.reject(decodeFailure(frame));
    else return;
    this.#waiting.delete(frame.id);
  }

  /** The connection has ended. */
  fail(): void {
    this.#failure = backupError(
      `the server with process id ${this.#pid} ended during the copy; back the store up again`,
    );
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
