import { describe, expect, it } from "vitest";
import { ample } from "../../../../../test/conformance/broker/fixture.js";
import { createFolder, openBroker } from "./support/store.js";

describe("tags that JSON cannot represent", () => {
  it.each([1n, undefined, 7, Symbol("x")])(
    "are refused (%s), and what others publish goes on",
    async (value) => {
      const { broker } = await openBroker(createFolder());
      const tags = { colour: value } as unknown as Record<string, string>;
      const refused = broker.log.publish("news", { data: "1", tags }, { retention: ample });
      const others = broker.log.publish("news", { data: "2" }, { retention: ample });
      await expect(refused).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
      await expect(refused).rejects.toThrow("the tag colour of a publication must be a string");
      await expect(others).resolves.toMatchObject({ position: { offset: 1 } });
    },
  );
});
