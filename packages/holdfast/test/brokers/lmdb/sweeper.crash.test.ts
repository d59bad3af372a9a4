import { describe, expect, it } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { FakeClock } from "../../support/fake-clock.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const metaTtlMs = 60_000;
const retention = { ...ample, ttlMs: 30_000 };

describe("idle channel", () => {
  it("is eventually forgotten, after whichever sweep the process ended", async () => {
    const folder = createFolder();
    const first = await openBroker(folder, { metaTtlMs });
    await first.broker.log.publish("news", { data: "1" }, { retention });
    await first.checkpoint();
    // No journal has it any more.
    await first.broker.close();
    const { broker, clock } = await openBroker(folder, { metaTtlMs, clock: first.clock });
    const copies: { copy: string; now: number }[] = [];
    for (const _ of countTo(12)) {
      clock.advance(10_000);
      await broker.idle();
      copies.push({ copy: crashCopyOf(folder), now: clock.now() });
    }
    for (const { copy, now } of copies) {
      const next = await openBroker(copy, { metaTtlMs, clock: new FakeClock(now) });
      await next.advance(10 * metaTtlMs, 120);
      expect(next.broker.sizes.channels).toBe(0);
      await next.broker.close();
    }
  });
});
