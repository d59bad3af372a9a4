import { describe, expect, it } from "vitest";
import { decodePublication, encodeAttributes, encodeData } from "../../src/brokers/publication-format.js";
import type { Publication } from "../../src/wire/messages.js";

const full: Publication = {
  offset: 7,
  time: 1000,
  data: '{"n":1}',
  info: { user: "ann", client: "c1", connInfo: '{"name":"Ann"}' },
  tags: { room: "1" },
  key: "k",
  score: 0,
  version: { number: 2, epoch: "e" },
};

describe("attributes of a publication", () => {
  it.each<[string, Publication]>([
    ["nothing else", { offset: 1, time: 2, data: "1" }],
    ["a publisher", { offset: 1, time: 2, data: "1", info: { user: "ann", client: "c1" } }],
    ["every field", full],
    ["bytes", { offset: 1, time: 2, data: Uint8Array.from({ length: 256 }, (_, i) => i), key: "k" }],
    ["no bytes", { offset: 1, time: 2, data: new Uint8Array(), info: { user: "ann", client: "c1" } }],
    ["a removal", { offset: 1, time: 2, data: "null", key: "", isRemoved: true }],
  ])("come back as they were: %s", (_, publication) => {
    const { offset, time, data } = publication;
    const decoded = decodePublication(offset, time, encodeData(data), encodeAttributes(publication));
    expect(decoded).toStrictEqual(publication);
  });

  it("are empty for data alone", () => {
    expect(encodeAttributes({ offset: 1, time: 2, data: "1" })).toBe("");
  });

  it("that are unknown are skipped", () => {
    const attributes = '{"key":"k","offset":9,"time":9,"data":"x","added":true}';
    expect(decodePublication(1, 2, "1", attributes)).toStrictEqual({
      offset: 1,
      time: 2,
      data: "1",
      key: "k",
    });
  });
});
