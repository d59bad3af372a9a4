import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { channels, createStore, damages } from "./support/damages.js";
import { PublicationRecord, publicationOf, readAll } from "./support/record.js";
import { crashCopyOf, openBroker } from "./support/store.js";

describe.each(damages)("store with $name", ({ ending, damage, file }) => {
  it("opens with repair, under new epochs", async () => {
    const { folder } = await createStore(ending);
    const whole = await openBroker(crashCopyOf(folder));
    const before = new Map<string, string>();
    for (const channel of channels) before.set(channel, (await whole.broker.log.subscribe(channel)).epoch);
    damage(folder);
    const { broker } = await openBroker(folder, { repair: true });
    if (file === "holdfast.json")
      for (const channel of channels)
        expect((await readAll(broker.log, channel)).publications).toEqual(
          (await readAll(whole.broker.log, channel)).publications,
        );
    const epochs = new Map<string, string>();
    for (const channel of channels) epochs.set(channel, (await broker.log.subscribe(channel)).epoch);
    for (const channel of channels) expect(epochs.get(channel)).not.toBe(before.get(channel));
    const record = new PublicationRecord();
    for (const n of countTo(10)) await record.publish(broker.log, "new", publicationOf(1000 + n));
    await broker.close();
    const after = await openBroker(folder);
    await record.expectKeptBy(after.broker.log);
    for (const channel of channels) {
      const { publications, position } = await readAll(after.broker.log, channel);
      const offsets = publications.map(({ offset }) => offset);
      expect(position.epoch).toBe(epochs.get(channel));
      expect(offsets).toEqual(countTo(position.offset, position.offset - offsets.length + 1));
    }
  });
});
