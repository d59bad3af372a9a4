import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor } from "../../../src/http/channels/answer-body.js";
import { parseReadQuery } from "../../../src/http/channels/channel-reads.js";

const read = (query: string) =>
  parseReadQuery({ headers: {}, url: `/channels/a?${query}`, address: "127.0.0.1" }, 60_000);

describe("read query", () => {
  it("uses defaults when empty, and ignores unknown parameters", () => {
    expect(read("")).toEqual({ waitMs: 0 });
    expect(read("_=123&token=x")).toEqual({ waitMs: 0 });
  });

  it.each([
    ["25", 25_000],
    ["25s", 25_000],
    ["0", 0],
    ["1.5s", 1500],
    ["500ms", 500],
    ["1m", 60_000],
    ["2m", 60_000],
    ["99999", 60_000],
  ])("waits as long as it says, up to the bound: %s", (wait, waitMs) => {
    expect(read(`since=e:1&wait=${wait}`)).toEqual({ since: { epoch: "e", offset: 1 }, waitMs });
  });

  it.each(["", "s", "-1", "1h", "1e3", "Infinity", "1 s"])("does not wait for %j", (wait) => {
    expect(read(`since=e:1&wait=${encodeURIComponent(wait)}`)).toContain("wait must be");
  });

  it("round-trips cursors, whatever the key", () => {
    const cursor = { start: { epoch: "e", offset: 7 }, place: "0:a b:&ü\n" };
    expect(parseCursor(formatCursor(cursor))).toEqual(cursor);
    expect(formatCursor(cursor)).toMatch(/^[\w-]+$/);
  });
});
