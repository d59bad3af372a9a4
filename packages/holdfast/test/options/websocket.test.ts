/** Options of servers and sockets: what is refused, by which name. */
import { describe, expect, it } from "vitest";
import { WebSocketServer, type WebSocketServerOptions } from "../../src/websocket.js";
import { echo } from "../sockets/support/servers.js";

describe("options", () => {
  const refused: readonly [
    Partial<Record<keyof WebSocketServerOptions | "maxConnection", unknown>>,
    RegExp,
  ][] = [
    [{ maxConnection: 5 }, /unknown option maxConnection \(did you mean maxConnections\?\)/],
    [{ onConnection: "yes" }, /onConnection must be a function/],
    [
      { maxConnections: 0 },
      /maxConnections must be an integer of at least 1, or null for no limit, but is 0/,
    ],
    [{ maxContexts: null }, /maxContexts must be an integer of at least 1, but is null/],
    [{ handshakeTimeoutMs: 2 ** 31 }, /handshakeTimeoutMs must be an integer from 1 to 2147483647/],
    [{ pingIntervalMs: "30s" }, /pingIntervalMs must be an integer from 1 to 2147483647, or null.*"30s"/],
    [{ pongTimeoutMs: null }, /pongTimeoutMs must be an integer/],
    [{ closeTimeoutMs: 0.5 }, /closeTimeoutMs must be an integer/],
    [{ messageTimeoutMs: -1 }, /messageTimeoutMs must be an integer/],
    [{ idleTimeoutMs: Number.NaN }, /idleTimeoutMs must be an integer/],
    [{ stallTimeoutMs: 0 }, /stallTimeoutMs must be an integer/],
    [{ maxUnsentBytes: null }, /maxUnsentBytes must be an integer/],
    [{ holdReadingAboveBytes: 0 }, /holdReadingAboveBytes must be an integer/],
    [
      { compression: { levels: 3 } },
      /unknown option compression\.levels \(did you mean compression\.level\?\); known options: compression\./,
    ],
    [{ compression: { level: 10 } }, /compression\.level must be an integer from 1 to 9, but is 10/],
    [{ maxMessageBytes: 0 }, /maxMessageBytes must be an integer of at least 1, but is 0/],
    [{ maxFragments: 1.5 }, /maxFragments must be an integer of at least 1, but is 1.5/],
  ];

  it.each(refused)("%j is refused by name", (options, message) => {
    const create = () => new WebSocketServer({ onConnection: echo, ...options } as WebSocketServerOptions);
    expect(create).toThrow(message);
    expect(create).toThrow(expect.objectContaining({ code: "HF_OPTION_INVALID" }));
  });

  it.each([
    [{ port: 8000 }, "port (use listen({ port }));"],
    [{ verifyClient: () => true }, "verifyClient (use authorize);"],
    [{ perMessageDeflate: true }, "perMessageDeflate (use compression);"],
    [{ maxPayload: 1 }, "maxPayload (use maxMessageBytes);"],
  ])("of the package ws are told what they are called here: %j", (options, told) => {
    expect(() => new WebSocketServer({ onConnection: echo, ...options } as never)).toThrow(
      `unknown option ${told} known options: `,
    );
  });

  it("bounds that may be lifted are lifted by null", () => {
    const bounds = {
      pingIntervalMs: null,
      messageTimeoutMs: null,
      idleTimeoutMs: null,
      stallTimeoutMs: null,
    };
    const more = { holdReadingAboveBytes: null, maxConnections: null };
    expect(() => new WebSocketServer({ onConnection: echo, ...bounds, ...more })).not.toThrow();
  });

  it("a certificate without its key is refused", async () => {
    const server = new WebSocketServer({ onConnection: echo });
    await expect(server.listen({ tls: { cert: "nonsense" } })).rejects.toMatchObject({
      code: "HF_OPTION_INVALID",
      message: expect.stringMatching(/^tls must be a matching certificate and key/),
    });
  });
});
