import { describe, expect, expectTypeOf, it } from "vitest";
import { createServer, type ServerOptions } from "../../src/index.js";
import { entriesOf, type OptionsOf } from "../../src/options/option.js";
import { resolveServerOptions, sections, serverOptions } from "../../src/options/schema.js";

describe("options of a server", () => {
  it("have their types written from their descriptions", () => {
    expectTypeOf<ServerOptions>().toEqualTypeOf<OptionsOf<typeof serverOptions>>();
  });

  it("have defaults that are accepted, and each stands in one chapter", () => {
    for (const [path, entry] of entriesOf(serverOptions)) {
      const isOff = entry.default === undefined;
      expect(isOff || entry.isValid(entry.default), path).toBe(true);
    }
    const inSections = sections.flatMap(({ options }) => Object.keys(options));
    expect(inSections.sort()).toEqual([...Object.keys(serverOptions), "durability", "workers"].sort());
  });

  it("are the defaults when none are given, frozen, and undefined counts as not given", () => {
    const settings = resolveServerOptions({});
    expect(settings).toMatchObject({ port: 8000, maxConnectionChannels: 128, ring: { maxEntries: 512 } });
    expect(settings.compression).toBeUndefined();
    expect([settings, settings.ring, settings.requests].map(Object.isFrozen)).toEqual([true, true, true]);
    const given: object = { port: undefined, ring: { maxEntries: undefined } };
    expect(resolveServerOptions(given)).toEqual(settings);
  });

  it("list a group with a switch as that, and as its options", () => {
    const entries = entriesOf(serverOptions);
    expect(entries.get("compression")).toMatchObject({ kind: "boolean", default: false });
    expect(entries.get("compression.level")).toMatchObject({ kind: "integer", default: 3 });
  });

  it("turn a group with a switch on with true or an object", () => {
    expect(resolveServerOptions({ compression: true }).compression).toMatchObject({ level: 3 });
    expect(resolveServerOptions({ compression: { level: 5 } }).compression).toMatchObject({ level: 5 });
    expect(resolveServerOptions({ compression: false }).compression).toBeUndefined();
  });

  it.each<[ServerOptions, RegExp]>([
    [{ port: -1 }, /^port must be an integer from 0 to 65535, but is -1$/],
    [{ port: 1.5 }, /^port must be/],
    [{ audit: "no" as never }, /^audit must be true, false, or a function, but is "no"$/],
    [
      { maxConnections: 0 },
      /^maxConnections must be an integer of at least 1, or null for no limit, but is 0$/,
    ],
    [{ maxWaitMs: 0 }, /^maxWaitMs must be an integer from 1 to/],
    [{ maxMessageBytes: Number.NaN }, /^maxMessageBytes must be an integer of at least 1, but is NaN$/],
    [{ commandBurst: -5 }, /^commandBurst must be an integer of at least 1, but is -5$/],
    [{ maxConnectionChannels: null as unknown as number }, /^maxConnectionChannels must be/],
    [{ publishBurst: null as unknown as number }, /^publishBurst must be/],
    [
      { maxAddressConnections: 0 },
      /^maxAddressConnections must be an integer of at least 1, or null for no limit, but is 0$/,
    ],
    [{ maxConections: 5 } as object, /^unknown option maxConections \(did you mean maxConnections\?\)$/],
    [{ limits: {} } as object, /^unknown option limits; known options: addressConnectionBurst, /],
    [
      { ring: { maxEntrys: 5 } as object },
      /^unknown option ring\.maxEntrys \(did you mean ring\.maxEntries\?\); known options: ring\.maxBytes, /,
    ],
    [{ ring: 5 as never }, /^ring must be an object of options, but is 5$/],
    [{ compression: { contextTakeover: true } as object }, /^unknown option compression\.contextTakeover/],
    [{ compression: { level: 10 } }, /^compression\.level must be an integer from 1 to 9, but is 10$/],
    [{ trustedProxies: "loopback" as unknown as string[] }, /^trustedProxies must be a list of/],
    [
      { trustedProxies: ["10.0.0.0/40"] },
      /^trustedProxies must be a list of .* but contains "10\.0\.0\.0\/40"$/,
    ],
    [{ ring: { maxEntries: 0 } }, /^ring\.maxEntries must be/],
    [{ pingIntervalMs: 1000 }, /^pongTimeoutMs must be less than pingIntervalMs \(1000\), but is 8000$/],
  ])("%j is refused by name", (options, message) => {
    expect(() => createServer(options)).toThrow(message);
    expect(() => createServer(options)).toThrow(expect.objectContaining({ code: "HF_OPTION_INVALID" }));
  });

  it("never print a key that is refused", () => {
    expect(() => createServer({ apiKeys: ["short-secret"] })).toThrow(/^apiKeys must be a list of [^"]*$/);
  });

  it("lift the bounds that may be lifted with null", () => {
    const lifted = [...entriesOf(serverOptions)].filter(([, { orNull }]) => orNull !== undefined);
    expect(lifted.length).toBeGreaterThan(15);
    for (const [path] of lifted) {
      const [name = "", field] = path.split(".");
      const options = field === undefined ? { [name]: null } : { [name]: { [field]: null } };
      expect(() => createServer(options)).not.toThrow();
    }
  });
});
