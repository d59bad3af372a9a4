import { describe, expect, it } from "vitest";
import { createServer, HoldfastError, type ServerOptions } from "../../src/index.js";
import { defaultOptions, resolveOptions } from "../../src/server/options.js";

describe("options", () => {
  it("are the defaults when none are given, and undefined counts as not given", () => {
    const expected = { ...defaultOptions, audit: expect.any(Function), compression: undefined };
    expect(resolveOptions({})).toMatchObject({ ...expected, pages: null });
    const given: object = { port: undefined, limits: { maxChannels: undefined } };
    expect(resolveOptions(given)).toMatchObject(expected);
    expect(resolveOptions({ audit: false }).audit).toBeUndefined();
  });

  it.each<[ServerOptions, RegExp]>([
    [{ port: -1 }, /^port must be an integer from 0 to 65535, but is -1$/],
    [{ port: 1.5 }, /^port must be/],
    [{ audit: "no" as never }, /^audit must be true, false, or a function, but is "no"$/],
    [
      { maxConnections: 0 },
      /^maxConnections must be an integer of at least 1, or null for no bound, but is 0$/,
    ],
    [{ maxWaitMs: 0 }, /^maxWaitMs must be an integer from 1 to/],
    [{ maxMessageBytes: Number.NaN }, /^maxMessageBytes must be an integer of at least 1, but is null$/],
    [{ limits: { commandBurst: -5 } }, /^limits\.commandBurst must be an integer of at least 1, but is -5$/],
    [{ limits: { maxChannels: null as unknown as number } }, /^limits\.maxChannels must be/],
    [{ limits: { publishBurst: null as unknown as number } }, /^limits\.publishBurst must be/],
    [
      { limits: { maxAddressConnections: 0 } },
      /^limits\.maxAddressConnections must be an integer of at least 1, or null for no bound, but is 0$/,
    ],
    [
      { limits: { maxUsers: 5 } as object },
      /^unknown option limits\.maxUsers; known options: limits\.address/,
    ],
    [{ trustedProxies: "loopback" as unknown as string[] }, /^trustedProxies must be a list of/],
    [{ trustedProxies: ["10.0.0.0/40"] }, /^trustedProxies must be a list of .* but has "10\.0\.0\.0\/40"$/],
    [{ ring: { maxEntries: 0 } }, /^ring\.maxEntries must be/],
    [
      { times: { pingIntervalMs: 1000 } },
      /^times\.pongTimeoutMs \(8000\) must be less than times\.pingIntervalMs \(1000\)$/,
    ],
  ])("%j is refused by name", (options, message) => {
    expect(() => createServer(options)).toThrow(message);
    expect(() => createServer(options)).toThrow(expect.objectContaining({ code: "HF_OPTION_INVALID" }));
  });

  it("lift the bounds that may be lifted with null", () => {
    const limits = {
      commandsPerSecond: null,
      publishesPerSecond: null,
      userPublishesPerSecond: null,
      bytesPerSecond: null,
      maxUserConnections: null,
      maxAddressConnections: null,
      addressConnectionsPerSecond: null,
      maxAddressWaitingRequests: null,
      maxAddressSockets: null,
      maxAddressHandshakes: null,
    };
    const requests = { maxPerAddress: null, maxTotal: null };
    const options = { maxConnections: null, maxWaitingRequests: null, limits, requests };
    expect(() => createServer(options)).not.toThrow();
  });
});

describe("server", () => {
  it("names no address before it listens, and listens once", async () => {
    const server = createServer({ port: 0, pages: null });
    expect(() => server.address).toThrow(HoldfastError);
    await server.listen();
    await expect(server.listen()).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
    await server.close();
  });

  it("may be closed twice, and does not listen after that", async () => {
    const server = createServer({ port: 0, pages: null });
    await server.listen();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await expect(server.listen()).rejects.toThrow(/was closed/);
  });

  it("several in one process share nothing", async () => {
    const [one, other] = [createServer({ port: 0, pages: null }), createServer({ port: 0, pages: null })];
    await Promise.all([one.listen(), other.listen()]);
    expect(one.address.port).not.toBe(other.address.port);
    await Promise.all([one.close(), other.close()]);
  });
});
