import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { SharedBroker } from "../../../packages/holdfast/src/brokers/shared/shared-broker.js";
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
let stores = 0;
/** Of the running test, besides the one under test. */
const others: SharedBroker[] = [];

afterEach(async () => {
  for (const broker of others.splice(0)) await broker.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const capabilities = {
  canMoveTime: true,
  maxChannels,
  maxIdempotencyKeys,
  forgetsIdleLogsAfterMs: metaTtlMs,
  hasNodes: true,
} as const;

function createOn(store: string, clock: FakeClock): SharedBroker {
  return new SharedBroker({
    folder: join(folder, store),
    clock,
    createEpoch,
    schedule: setImmediate,
    onError: (error) => {
      throw error;
    },
    metaTtlMs,
    maxChannels,
    maxIdempotencyKeys,
  });
}

/** @param isOwner whether the broker under test has the store open, or another one has */
async function createFixture(isOwner: boolean) {
  const clock = new FakeClock();
  const store = String(++stores);
  const broker = createOn(store, clock);
  const all = [broker];
  let owner = broker;
  if (!isOwner) {
    owner = createOn(store, clock);
    others.push(owner);
    all.push(owner);
    await owner.open(new EventRecord(), {
      node: { id: "owner", name: "owner", version: "1.0.0", startedAt: 0 },
      needs: { hasMaps: false, durability: "process" },
    });
  }
  const idle = async () => {
    // What is told on the way here is told before the answer.
    for (let round = 0; round < 3; round++) {
      await owner.log.idle();
      for (const { log } of all) await log.heads([]).catch(() => {});
    }
  };
  const advance = async (ms: number) => {
    const step = Math.ceil(ms / steps);
    for (let left = ms; left > 0; left -= step) {
      clock.advance(Math.min(step, left));
      await owner.log.idle();
    }
  };
  const createPeer = async () => {
    const peer = createOn(store, clock);
    all.push(peer);
    return peer;
  };
  return { broker, clock, idle, advance, sizes: () => owner.log.sizes, createPeer };
}

describeBroker("shared, as owner", () => createFixture(true), capabilities);
describeBroker("shared, as follower", () => createFixture(false), capabilities);
