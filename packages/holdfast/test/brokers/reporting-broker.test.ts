import { expect, it } from "vitest";
import { MemoryBroker } from "../../src/brokers/memory/memory-broker.js";
import { createReportingBroker } from "../../src/brokers/reporting-broker.js";
import { needsOf } from "../../src/channels/rules.js";
import { FakeClock } from "../support/fake-clock.js";

it("a broker that a program has made reports failures to the server that opens it", async () => {
  let fail: (error: unknown, context: { stage: string }) => void = () => {};
  const broker = createReportingBroker((onError) => {
    fail = onError;
    return new MemoryBroker({ clock: new FakeClock(), createEpoch: () => "epoch" });
  });
  // Nobody is there yet.
  fail(new Error("early"), { stage: "connecting" });
  const reported: unknown[] = [];
  const none = { onPublication() {}, onDisconnect() {}, onReconnect() {} };
  await broker.open(
    {
      log: none,
      presence: { onJoin() {}, onLeave() {} },
      cluster: { onCommand: async () => ({}), onHistoryRemoved() {} },
    },
    {
      node: { id: "1", name: "a", version: "0", startedAt: 0 },
      needs: needsOf([]),
      onError: (error, { stage }) => reported.push([stage, (error as Error).message]),
    },
  );
  fail(new Error("lost"), { stage: "connection" });
  expect(reported).toEqual([["connection", "lost"]]);
  await broker.close();
});
