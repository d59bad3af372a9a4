import { describe, expect, it } from "vitest";
import { findDifference } from "./nats-store.js";

/** What a server tells of one stream. */
function viewOf(messages: number, last_seq: number) {
  return { account_details: [{ stream_detail: [{ name: "log_0", state: { messages, last_seq } }] }] };
}

describe("replicas of JetStream", () => {
  it("that are the same are no fault, nor is a server that does not answer", () => {
    const same = viewOf(271, 317);
    expect(
      findDifference([
        ["n0", same],
        ["n1", undefined],
        ["n2", same],
      ]),
    ).toBeUndefined();
  });

  it("that have other messages are named, with what each has", () => {
    const fault = findDifference([
      ["n0", viewOf(271, 317)],
      ["n1", viewOf(288, 348)],
      ["n2", viewOf(288, 348)],
    ]);
    expect(fault).toBe(
      "JetStream's replicas of log_0 differ: 271 messages to 317 on n0, 288 messages to 348 on n1, 288 messages to 348 on n2",
    );
  });
});
