/** Idempotency keys of a store whose machine's clock is set back and forward, over restarts and crashes as well. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ample } from "../../../../../test/conformance/broker/fixture.js";
import type { Position } from "../../../src/wire/messages.js";
import { FakeClock } from "../../support/fake-clock.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const windowMs = 5 * 60 * 1000;

/** A wall clock that can be set, beside a time that only grows. */
class SteppedClock extends FakeClock {
  stepMs = 0;

  override now(): number {
    return super.now() + this.stepMs;
  }

  /** Begins anew with every process, as a real one does. */
  startedAt = 0;

  override elapsed(): number {
    return super.now() - this.startedAt;
  }

  nextProcess(): this {
    this.startedAt = super.now();
    return this;
  }

  real(): number {
    return super.now();
  }
}

type Step =
  | { readonly kind: "publish"; readonly key: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "set"; readonly ms: number }
  | { readonly kind: "restart"; readonly how: "close" | "crash"; readonly awayMs: number };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant("publish" as const), key: fc.integer({ min: 0, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.integer({ min: 0, max: windowMs / 2 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("set" as const),
      ms: fc.oneof(
        fc.constantFrom(-2000, 2000, -windowMs, windowMs, -24 * 3_600_000, 24 * 3_600_000),
        fc.integer({ min: -2 * windowMs, max: 2 * windowMs }),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      how: fc.constantFrom("close" as const, "crash" as const),
      awayMs: fc.integer({ min: 0, max: 3 * windowMs }),
    }),
  },
);

describe("idempotency key of a store whose clock is set", () => {
  it("is still known when the clock is set back two seconds right after a five-minute period began", async () => {
    const clock = new SteppedClock(1_700_000_000_000 - (1_700_000_000_000 % windowMs) + 400);
    const { broker, checkpoint } = await openBroker(createFolder(), { clock });
    const keyed = { retention: ample, idempotencyKey: "order-1" };
    const { position } = await broker.log.publish("news", { data: "pay 10" }, keyed);
    await checkpoint();
    clock.stepMs -= 2000;
    expect(await broker.log.publish("news", { data: "pay 10" }, keyed)).toEqual({
      position,
      isDuplicate: true,
    });
  });

  it("is known for exactly five minutes of server time, whatever the clock does", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 25 }), async (all) => {
        const clock = new SteppedClock();
        let folder = createFolder();
        let opened = await openBroker(folder, { clock: clock.nextProcess() });
        /** Of each key: where it was published, and for how long it has been known since, without the time away. */
        const known = new Map<number, { position: Position; ageMs: number }>();
        for (const step of all) {
          if (step.kind === "set") clock.stepMs += step.ms;
          else if (step.kind === "wait") {
            await opened.advance(step.ms, 2);
            for (const each of known.values()) each.ageMs += step.ms;
          } else if (step.kind === "restart") {
            if (step.how === "close") await opened.broker.close();
            else folder = crashCopyOf(folder);
            clock.advance(step.awayMs);
            opened = await openBroker(folder, { clock: clock.nextProcess() });
          } else {
            const first = known.get(step.key);
            const options = { retention: ample, idempotencyKey: `key ${step.key}` };
            const { position, isDuplicate } = await opened.broker.log.publish("news", { data: "1" }, options);
            const isKnown = first !== undefined && first.ageMs < windowMs;
            // A log that was forgotten meanwhile, with all its publications, is followed by one of another epoch.
            if (isKnown)
              expect({ position, isDuplicate }).toEqual({ position: first.position, isDuplicate: true });
            else if (!isDuplicate) known.set(step.key, { position, ageMs: 0 });
            else expect(position).toEqual(first?.position);
          }
        }
        expect(opened.errors).toEqual([]);
        await opened.broker.close();
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});
