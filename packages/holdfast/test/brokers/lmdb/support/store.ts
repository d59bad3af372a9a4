/** Stores in temporary folders, brokers on them, and copies of them as a crash would leave them. */
import { cpSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { EventRecord } from "../../../../../../test/conformance/broker/fixture.js";
import { LmdbBroker, type LmdbBrokerOptions } from "../../../../src/brokers/lmdb/lmdb-broker.js";
import type { BrokerEvents } from "../../../../src/channels/broker.js";
import { HoldfastError } from "../../../../src/errors.js";
import { createCounter } from "../../../support/counter.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { createTemporaryFolder } from "../../../support/temporary-folder.js";

export const createEpoch = createCounter("epoch");
export const checkpointDelayMs = 50;

/** What a server holds open and what it leaves for the next one to find: no part of the data. */
const isLock = (path: string) => /(^|\/)(owner\b.*|lock\.mdb|data\.mdb-lock)$/.test(path);

export function createFolder(): string {
  return createTemporaryFolder("store");
}

export interface OpenBroker {
  readonly broker: LmdbBroker;
  readonly clock: FakeClock;
  readonly events: EventRecord;
  /** What was found damaged, or failed in the background. */
  readonly errors: HoldfastError[];
  /** Moves the time in steps, so that work in the background ends in between. */
  readonly advance: (ms: number, steps?: number) => Promise<void>;
  /** Brings everything to the index. */
  readonly checkpoint: () => Promise<void>;
}

export type OpenOptions = Partial<Omit<LmdbBrokerOptions, "clock" | "folder">> & {
  readonly clock?: FakeClock;
  readonly to?: BrokerEvents;
};

/** One that is not opened yet. */
export function createBroker(folder: string, options: Partial<LmdbBrokerOptions> = {}): LmdbBroker {
  const broker = new LmdbBroker({
    clock: new FakeClock(),
    createEpoch,
    schedule: setImmediate,
    onError: (error) => {
      throw error;
    },
    checkpointDelayMs,
    ...options,
    folder,
  });
  onTestFinished(() => broker.close());
  return broker;
}

export async function openBroker(folder: string, options: OpenOptions = {}): Promise<OpenBroker> {
  const { clock = new FakeClock(), to, ...rest } = options;
  const events = new EventRecord();
  const errors: HoldfastError[] = [];
  const onError = (error: unknown) => {
    if (!(error instanceof HoldfastError)) throw error;
    errors.push(error);
  };
  const broker = createBroker(folder, { clock, onError, ...rest });
  await broker.open(to ?? events);
  const advance = async (ms: number, steps = 20) => {
    const step = Math.ceil(ms / steps);
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      await broker.idle();
    }
  };
  // One that is at work already may have begun too early.
  const checkpoint = async () => {
    await broker.idle();
    await advance(checkpointDelayMs, 1);
  };
  return { broker, clock, events, errors, advance, checkpoint };
}

/** The folder as a crash at this moment would leave it. */
export function crashCopyOf(folder: string): string {
  for (let attempts = 1; ; attempts++) {
    const copy = createFolder();
    try {
      cpSync(folder, copy, { recursive: true, preserveTimestamps: true, filter: (path) => !isLock(path) });
      return copy;
    } catch (error) {
      // The system goes on meanwhile: a file may get its other name after it was listed.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" || attempts === mostCopyAttempts) throw error;
    }
  }
}

const mostCopyAttempts = 20;

export function journalFilesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^journal-\d+\.log$/.test(name))
    .sort((a, b) => numberIn(a) - numberIn(b))
    .map((name) => join(folder, name));
}

/** What the store knows of its journal, to be put back by the function that is given: as if later writes had never ended. */
export function keepJournalEnds(folder: string): (copy: string) => void {
  const bytes = readFileSync(join(folder, "journal-ends"));
  return (copy) => writeFileSync(join(copy, "journal-ends"), bytes);
}

function numberIn(name: string): number {
  return Number(/\d+/.exec(name)?.[0]);
}

/** Names and contents of all files that hold data. */
export function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !isLock(name) && statSync(join(folder, name)).isFile())
    .sort();
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(folder, name), "latin1")]));
}
