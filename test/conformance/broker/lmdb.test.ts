import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { LmdbBroker } from "../../../packages/holdfast/src/brokers/lmdb/lmdb-broker.js";
import { createCounter } from "../../../packages/holdfast/test/support/counter.js";
import { FakeClock } from "../../../packages/holdfast/test/support/fake-clock.js";
import { describeBroker } from "./suite.js";

const maxChannels = 400;
const maxIdempotencyKeys = 200;
const metaTtlMs = 24 * 60 * 60 * 1000;
const folder = mkdtempSync(join(tmpdir(), "holdfast-conformance-"));
const createEpoch = createCounter("epoch");
/** In which time passes: work in the background ends in between. */
const steps = 200;
let stores = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeBroker(
  "lmdb",
  async () => {
    const clock = new FakeClock();
    const options = {
      folder: join(folder, String(++stores)),
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
    const broker = new LmdbBroker(options);
    const reopen = async () => new LmdbBroker(options);
    const idle = () => broker.idle();
    const advance = async (ms: number) => {
      const step = Math.ceil(ms / steps);
      for (let left = ms; left > 0; left -= step) {
        clock.advance(Math.min(step, left));
        await idle();
      }
    };
    const sizes = () => {
      const { channels, loadedChannels, pendingChannels, pendingKeys, subscribed, presences } = broker.sizes;
      return { channels, loadedChannels, pendingChannels, pendingKeys, subscribed, presences };
    };
    return { broker, clock, idle, advance, sizes, reopen };
  },
  {
    canMoveTime: true,
    maxChannels,
    maxIdempotencyKeys,
    forgetsIdleLogsAfterMs: metaTtlMs,
    survivesRestart: true,
    hasNodes: { lacks: "one process is its only node" },
    keepsFloors: true,
    canKillNodes: { lacks: "one process is its only node" },
    canCutStore: { lacks: "its store is in its process" },
  },
);
