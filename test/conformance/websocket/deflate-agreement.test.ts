/** RFC 7692 §5: what client and server make of each other's options. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  acceptUpgrade,
  checkUpgradeResponse,
  createUpgrade,
  type Deflate,
  type DeflateOptions,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket/index.js";
import { runs } from "./support/arbitraries.js";
import { parseResponse } from "./support/http-head.js";
import { requestWith } from "./support/opening-handshake.js";
import { seedNote } from "./support/seed.js";

const allBits = [8, 9, 10, 11, 12, 13, 14, 15];
const compression = resolveDeflate();

/** The client's handshake with the server, and what each of them agreed on. */
function negotiate(client: DeflateOptions, server: DeflateOptions, takesContext?: boolean) {
  const handshake = createUpgrade([], undefined, resolveDeflate(client));
  const options = { compression: resolveDeflate(server), takesContext };
  const accepted = acceptUpgrade(requestWith(handshake.headers), options);
  if (!accepted.isAccepted) throw new Error(accepted.message);
  const { status, rawHeaders } = parseResponse(accepted.responseHead);
  const result = checkUpgradeResponse(handshake, { status, rawHeaders });
  if (!result.isAccepted) throw new Error(result.message);
  return { ofServer: accepted.deflate, ofClient: result.deflate };
}

function expectAgreement(
  client: DeflateOptions,
  server: DeflateOptions,
  { ofServer, ofClient }: { ofServer: Deflate | undefined; ofClient: Deflate | undefined },
): void {
  const agreement = ofServer?.agreement;
  expect(agreement).toBeDefined();
  expect(ofClient?.agreement).toEqual(agreement);
  const isWithoutContext = !client.contextTakeover || !server.contextTakeover;
  expect(agreement).toEqual({
    serverNoContextTakeover: isWithoutContext,
    clientNoContextTakeover: isWithoutContext,
    serverMaxWindowBits: Math.min(client.maxPeerWindowBits ?? 15, server.maxWindowBits ?? 15),
    clientMaxWindowBits: Math.min(client.maxWindowBits ?? 15, server.maxPeerWindowBits ?? 15),
  });
}

describe(`client and server of this engine (RFC 7692 §5, ${seedNote})`, () => {
  it("agree on the same whatever their windows and contexts are", () => {
    for (const maxWindowBits of allBits)
      for (const maxPeerWindowBits of allBits)
        for (const contextTakeover of [true, false]) {
          const client = { maxWindowBits, maxPeerWindowBits, contextTakeover };
          for (const server of [{}, { contextTakeover: true }, client])
            expectAgreement(client, server, negotiate(client, server));
          expectAgreement({ contextTakeover: true }, client, negotiate({ contextTakeover: true }, client));
        }
  });

  it("agree on the same for any options", () => {
    const bits = fc.constantFrom(...allBits);
    const options = fc.record({
      contextTakeover: fc.boolean(),
      maxWindowBits: bits,
      maxPeerWindowBits: bits,
      thresholdBytes: fc.nat(),
      level: fc.integer({ min: 1, max: 9 }),
      memLevel: fc.integer({ min: 1, max: 9 }),
    });
    const property = fc.property(options, options, (client, server) => {
      const agreed = negotiate(client, server);
      expectAgreement(client, server, agreed);
      expect([agreed.ofClient?.settings, agreed.ofServer?.settings]).toEqual([client, server]);
    });
    fc.assert(property, runs(300));
  });

  it("agree on no context where the server has no room for one", () => {
    const takeover = { contextTakeover: true };
    expectAgreement(takeover, {}, negotiate(takeover, takeover, false));
  });

  it("agree on nothing where one side is not configured for it", () => {
    const handshake = createUpgrade([], undefined, compression);
    expect(acceptUpgrade(requestWith(handshake.headers))).toMatchObject({
      isAccepted: true,
      deflate: undefined,
    });
    const silent = acceptUpgrade(requestWith(createUpgrade().headers), { compression });
    expect(silent).toMatchObject({ isAccepted: true, deflate: undefined });
  });
});
