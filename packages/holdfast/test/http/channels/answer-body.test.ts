import { randomBytes } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  AnswerBody,
  bodyOfAnswer,
  bodyOfBatch,
  SharedBodies,
} from "../../../src/http/channels/answer-body.js";

const position = { epoch: "e", offset: 2 };
const publication = { offset: 2, data: '{"a":1}', time: 7 };
const parse = ({ bytes }: AnswerBody) => JSON.parse(Buffer.from(bytes).toString()) as unknown;

describe("response bodies", () => {
  it("are the same for publications read or waited for", () => {
    const batch = Buffer.from('{"data":{"a":1},"offset":2,"time":7}');
    const read = bodyOfAnswer({ position, publications: [publication], isRecovered: true });
    const waited = bodyOfBatch(batch, position);
    expect(parse(waited)).toEqual(parse(read));
    expect(waited.etag).toBe(read.etag);
  });

  it("are built once for equal responses, compressed ones too", () => {
    const batch = Buffer.from(`{"data":"${"x".repeat(5000)}","offset":2,"time":7}`);
    const body = bodyOfBatch(batch, position);
    expect(bodyOfBatch(batch, position)).toBe(body);
    expect(body.gzipped).toBe(body.gzipped);
    const publications = [publication];
    const read = bodyOfAnswer({ position, publications, isRecovered: true });
    expect(bodyOfAnswer({ position, publications, isRecovered: true })).toBe(read);
    const elsewhere = bodyOfAnswer({ position: { epoch: "f", offset: 2 }, publications, isRecovered: true });
    expect(parse(elsewhere)).toMatchObject({ epoch: "f" });
  });

  it("have a different ETag for another position, and for a gap", () => {
    const tags = [
      bodyOfAnswer({ position, publications: [], isRecovered: true }),
      bodyOfAnswer({ position, publications: [], isRecovered: false }),
      bodyOfAnswer({ position, publications: [publication], isRecovered: false }),
      bodyOfAnswer({ position, state: [] }),
      bodyOfAnswer({ position: { epoch: "e", offset: 3 }, publications: [], isRecovered: true }),
      bodyOfAnswer({ position: { epoch: "f", offset: 2 }, publications: [], isRecovered: true }),
    ].map(({ etag }) => etag);
    expect(new Set(tags).size).toBe(tags.length);
    for (const tag of tags) expect(tag).toMatch(/^W\/"[!#-~]+"$/);
  });

  it.each([
    ["less than 1 KiB", Buffer.alloc(1023), false],
    ["1 KiB", Buffer.alloc(1024), true],
    ["what cannot be compressed", randomBytes(2000), false],
    ["more than 256 KiB", Buffer.alloc(256 * 1024 + 1), false],
  ])("are compressed where that pays: %s", (_name, bytes, isCompressed) => {
    const { gzipped } = new AnswerBody(bytes, "");
    expect(gzipped !== undefined).toBe(isCompressed);
    if (gzipped) expect(gunzipSync(gzipped)).toEqual(bytes);
  });
});

describe("shared responses", () => {
  const publications = (first: number, count: number, data = '"x"') =>
    Array.from({ length: count }, (_, i) => ({ offset: first + i, data, time: 1 }));
  const page = (count: number, more: object = {}) => ({
    position: { epoch: "e1", offset: 100 },
    publications: publications(101 - count, count),
    isRecovered: false,
    ...more,
  });

  it("are built once, charged to the first requester", () => {
    const bodies = new SharedBodies();
    const data = JSON.stringify("x".repeat(1000));
    const large = () => page(50, { publications: publications(51, 50, data) });
    const body = bodies.get("news", large());
    expect(bodies.get("news", large())).toBe(body);
    const cost = body.takeCost();
    expect(cost).toBeGreaterThan(20);
    expect(body.takeCost()).toBeLessThan(cost / 5);
    expect(body.gzipped).toBeDefined();
    expect(body.takeCost()).toBeGreaterThan(20);
  });

  it.each([
    ["of another channel", "other", page(10)],
    ["at another position", "news", page(10, { position: { epoch: "e1", offset: 101 } })],
    ["of another epoch", "news", page(10, { position: { epoch: "e2", offset: 100 } })],
    ["with fewer publications", "news", page(9)],
    ["with other publications", "news", page(10, { publications: publications(1, 10) })],
    ["that follow a place", "news", page(10, { isRecovered: true })],
  ])("are others %s", (_name, channel, answer) => {
    const bodies = new SharedBodies();
    expect(bodies.get(channel, answer)).not.toBe(bodies.get("news", page(10)));
  });

  it("are cached within a limit, keeping the most recently used", () => {
    const bodies = new SharedBodies();
    const data = JSON.stringify("x".repeat(1024 * 1024));
    const at = (offset: number) => ({
      position: { epoch: "e1", offset },
      publications: publications(offset, 1, data),
      isRecovered: false,
    });
    const first = bodies.get("news", at(1));
    for (let offset = 2; offset < 30; offset++) {
      bodies.get("news", at(offset));
      expect(bodies.get("news", at(1))).toBe(first);
    }
    expect(bodies.bytes).toBeLessThanOrEqual(8 * 1024 * 1024);
  });
});
