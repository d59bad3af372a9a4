import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { createFolder, openBroker } from "./support/store.js";

/** As a crash left it: the first 21 publications of `news` are in the index, the others in the journal. */
const fixture = new URL("fixtures/store-0.1/", import.meta.url);

function unpack(): string {
  const folder = join(createFolder(), "store");
  mkdirSync(folder);
  for (const name of readdirSync(fixture))
    writeFileSync(join(folder, name.replace(/\.gz$/, "")), gunzipSync(readFileSync(new URL(name, fixture))));
  return folder;
}

const expected = countTo(30).map((n) => JSON.stringify(n === 21 ? "with a key" : `publication ${n}`));

describe("store written by version 0.1", () => {
  it("opens with every acknowledged publication and keeps working across a restart", async () => {
    const folder = unpack();
    const first = await openBroker(folder);
    const page = await first.broker.log.history("news", query());
    expect(page.publications.map(({ data }) => data)).toEqual(expected);
    expect(page.position.offset).toBe(30);
    const next = await first.broker.log.publish("news", { data: "31" }, { retention: ample });
    expect(next.position).toEqual({ ...page.position, offset: 31 });
    await first.broker.close();
    const { broker, errors } = await openBroker(folder);
    const after = await broker.log.history("news", query());
    expect(after.publications.map(({ data }) => data)).toEqual([...expected, "31"]);
    expect(after.position.epoch).toBe(page.position.epoch);
    expect([...first.errors, ...errors]).toEqual([]);
  });

  it("keeps its maps and its idempotency keys", async () => {
    const { broker } = await openBroker(unpack());
    const { publications } = await broker.log.keys("map", { maxEntries: 10, maxBytes: 1_000_000 });
    const values = publications.map(({ key, data }) => [key, data]).sort();
    expect(values).toEqual([
      ["a", "3"],
      ["b", "2"],
      ["c", "4"],
    ]);
    const repeat = { retention: ample, idempotencyKey: "once", sender: "anna" };
    const result = await broker.log.publish("news", { data: '"again"' }, repeat);
    expect(result).toMatchObject({ isDuplicate: true, position: { offset: 21 } });
  });
});
