import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { createStore, damages } from "./support/damages.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { contentOf, crashCopyOf, createFolder, openBroker } from "./support/store.js";

describe.each(damages)("store with $name", ({ ending, damage, file }) => {
  it("is refused as damaged and left unchanged", async () => {
    const { folder } = await createStore(ending);
    damage(folder);
    const content = contentOf(folder);
    for (const _ of countTo(2)) {
      const opening = openBroker(folder);
      await expect(opening).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
      await expect(opening).rejects.toThrow(file);
      expect(contentOf(folder)).toEqual(content);
    }
  });
});

describe("store of one run whose index is missing", () => {
  it.each(["close", "crash"])("is refused as damaged after a %s", async (ending) => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    await new PublicationRecord().publish(broker.log, "news", publicationOf(1));
    await checkpoint();
    const copy = ending === "crash" ? crashCopyOf(folder) : folder;
    await broker.close();
    rmSync(join(copy, "data.mdb"));
    const content = contentOf(copy);
    const opening = openBroker(copy);
    await expect(opening).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
    await expect(opening).rejects.toThrow("data.mdb");
    expect(contentOf(copy)).toEqual(content);
  });
});

describe("store that cannot be opened", () => {
  it("has a file in its place", async () => {
    const path = join(createFolder(), "file");
    writeFileSync(path, "text");
    await expect(openBroker(path)).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
    await expect(openBroker(join(path, "below"))).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
    expect(readFileSync(path, "utf8")).toBe("text");
  });

  it("has a folder as its marker", async () => {
    const folder = createFolder();
    mkdirSync(join(folder, "holdfast.json"));
    await expect(openBroker(folder)).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
  });

  it("has a newer format, and is left unchanged, with repair too", async () => {
    const { folder } = await createStore("crash");
    const path = join(folder, "holdfast.json");
    const marker = JSON.parse(readFileSync(path, "utf8")) as { format: number };
    writeFileSync(path, JSON.stringify({ ...marker, format: marker.format + 1 }));
    const content = contentOf(folder);
    for (const repair of [false, true])
      await expect(openBroker(folder, { repair })).rejects.toMatchObject({ code: "HF_STORE_NEWER" });
    expect(contentOf(folder)).toEqual(content);
  });
});

describe("intact store", () => {
  it("is created with its folder and all parent folders", async () => {
    const folder = join(createFolder(), "a", "b");
    const { broker } = await openBroker(folder);
    const record = new PublicationRecord();
    await record.publish(broker.log, "news", publicationOf(1));
    await broker.close();
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });

  it("is recreated when an earlier start ended before writing the marker", async () => {
    const folder = createFolder();
    writeFileSync(join(folder, "holdfast.json.new"), '{"form');
    const { broker } = await openBroker(folder);
    const record = new PublicationRecord();
    await record.publish(broker.log, "news", publicationOf(1));
    await record.expectKeptBy(broker.log);
  });
});
