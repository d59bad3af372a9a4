import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { SharedBroker } from "../../../packages/holdfast/src/brokers/shared/shared-broker.js";
import { SharedStore } from "../../../packages/holdfast/src/brokers/shared/shared-store.js";
import { createCounter } from "../../../packages/holdfast/test/support/counter.js";
import { FakeClock } from "../../../packages/holdfast/test/support/fake-clock.js";
import { EventRecord } from "./fixture.js";
import { describeBroker } from "./suite.js";

const maxChannels = 400;
const maxIdempotencyKeys = 200;
const metaTtlMs = 24 * 60 * 60 * 1000;
const folder = mkdtempSync(join(tmpdir(), "holdfast-conformance-"));
const createEpoch = createCounter("epoch");
/** In which time passes: work in the background ends in between. */
const steps = 200;
const shortMs = 1000;
let stores = 0;
/** Of the running test, besides the one under test. */
const others: SharedStore[] = [];

afterEach(async () => {
  for (const store of others.splice(0)) await store.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const capabilities = {
  canMoveTime: true,
  maxChannels,
  maxIdempotencyKeys,
  forgetsIdleLogsAfterMs: metaTtlMs,
  survivesRestart: true,
  hasNodes: true,
  keepsFloors: true,
  canKillNodes: { lacks: "test/integration/shared-store.test.ts kills processes" },
  canCutStore: { lacks: "test/integration/shared-store.test.ts stops processes" },
} as const;

/** Opens and closes once the others know. */
class KnownBroker extends SharedBroker {
  afterwards = async () => {};

  override async open(...start: Parameters<SharedBroker["open"]>): Promise<void> {
    await super.open(...start);
    await this.afterwards();
  }

  override async close(): Promise<void> {
    await super.close();
    await this.afterwards();
  }
}

/** Nodes that die are node-messages.ts's. */
const nodeTimes = { helloWaitMs: 0, beatIntervalMs: 1000 * metaTtlMs, deadAfterMs: 5000 * metaTtlMs };

function optionsOf(store: string, clock: FakeClock) {
  return {
    folder: join(folder, store),
    clock,
    createEpoch,
    schedule: setImmediate,
    onError: (error: unknown) => {
      throw error;
    },
    metaTtlMs,
    maxChannels,
    maxIdempotencyKeys,
  };
}

/** @param isOwner whether the broker under test has the store open, or another one has */
async function createFixture(isOwner: boolean) {
  const options = optionsOf(String(++stores), new FakeClock());
  const { clock } = options;
  const create = () => new KnownBroker({ ...options, ...nodeTimes });
  const broker = create();
  const all = [broker.log];
  if (!isOwner) {
    const other = new SharedStore(options);
    others.push(other);
    all.unshift(other);
    await other.open(new EventRecord());
  }
  const [owner] = all as [SharedStore];
  const idle = async () => {
    for (let round = 0; round < 5; round++) {
      await owner.idle();
      // What is told on the way here is told before the answer.
      for (const log of all) await log.heads([]).catch(() => {});
      await new Promise(setImmediate);
    }
  };
  const advance = async (ms: number) => {
    const step = Math.max(shortMs, Math.ceil(ms / steps));
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      // What is on its way between processes must not seem to take this time.
      await (ms <= shortMs ? idle() : owner.idle());
    }
  };
  const createPeer = async () => {
    const peer = create();
    all.push(peer.log);
    peer.afterwards = idle;
    return peer;
  };
  const reopen = async () => {
    await owner.close();
    return create();
  };
  return { broker, clock, idle, advance, sizes: () => owner.sizes, createPeer, reopen };
}

describeBroker("shared, as owner", () => createFixture(true), capabilities);
describeBroker("shared, as follower", () => createFixture(false), capabilities);
