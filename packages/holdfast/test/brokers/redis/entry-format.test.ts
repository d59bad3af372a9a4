import { describe, expect, it } from "vitest";
import {
  decodeEntry,
  decodeEvent,
  decodeValue,
  encodeEntry,
} from "../../../src/brokers/redis/entry-format.js";
import type { NewPublication } from "../../../src/channels/log.js";

const publications: readonly NewPublication[] = [
  { data: "1" },
  { data: '"naïve 🚀"', info: { user: "ann", client: "c", connInfo: '{"name":"Å"}' }, tags: { k: "v 1" } },
  { data: "null", key: "ä 1", isRemoved: true },
  { data: "{}", key: "a", score: -1.5, version: { number: 3, epoch: "e" } },
  { data: Uint8Array.of(0, 10, 32, 255, 195, 40) },
];

describe("entries in Redis", () => {
  it.each(publications)("come back as they were: %j", (publication) => {
    const entry = Buffer.concat([Buffer.from("1700000000000 "), Buffer.from(encodeEntry(publication))]);
    const expected = { ...publication, offset: 7, time: 1_700_000_000_000 };
    expect(decodeEntry(entry, 7)).toEqual(expected);
    expect(decodeValue(Buffer.concat([Buffer.from("7 "), entry]))).toEqual(expected);
    expect(decodeEvent(Buffer.concat([Buffer.from("1 base-12 7 500 "), entry]))).toEqual({
      epoch: "base-12",
      publication: expected,
      keyTtlMs: 500,
    });
  });

  it("have bytes of their own, so that what the socket read is not kept", () => {
    const entry = Buffer.from(encodeEntry({ data: Uint8Array.of(1, 2) }) as Buffer);
    const { data } = decodeEntry(Buffer.concat([Buffer.from("1 "), entry]), 1);
    expect((data as Uint8Array).buffer.byteLength).toBe(2);
  });

  it("may have attributes of a later version, and events of another kind", () => {
    const attributes = '{"later":[1],"key":"a"}';
    expect(decodeEntry(Buffer.from(`5 ${attributes.length} ${attributes}1`), 1)).toEqual({
      data: "1",
      key: "a",
      offset: 1,
      time: 5,
    });
    expect(decodeEvent(Buffer.from("2 whatever"))).toBeUndefined();
  });
});
