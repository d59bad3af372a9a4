/** Opening handshakes that no script foresaw. A failure prints its seed: see support/seed.ts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../../../../test/conformance/websocket/support/arbitraries.js";
import { parseResponse, valuesOf } from "../../../../test/conformance/websocket/support/http-head.js";
import { seedNote } from "../../../../test/conformance/websocket/support/seed.js";
import {
  acceptUpgrade,
  checkUpgradeResponse,
  createUpgrade,
  rejectionResponse,
} from "../../src/websocket.js";

const names = [
  "Host",
  "Upgrade",
  "Connection",
  "Sec-WebSocket-Key",
  "Sec-WebSocket-Version",
  "Sec-WebSocket-Protocol",
  "Sec-WebSocket-Extensions",
  "Sec-WebSocket-Accept",
];
const values = ["", " ", ",", ",,", "websocket", "Upgrade", "13", "dGhlIHNhbXBsZSBub25jZQ==", "a, b", "chat"];

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom("\r", "\n", "\0", ":", ",", " ", "a", '"', "é", "="), maxLength: 12 }),
);
const name = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: anyText });
const value = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...values) },
  { weight: 1, arbitrary: anyText },
);

const validRequest = [
  ["Host", "example.com"],
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="],
  ["Sec-WebSocket-Version", "13"],
];

const validResponse = [
  ["Upgrade", "websocket"],
  ["Connection", "Upgrade"],
  ["Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],
];

/** Valid fields with others around them, sometimes with fields taken out, and with half a pair at the end. */
const fieldsAround = (valid: string[][]) =>
  fc
    .tuple(
      fc.array(fc.tuple(name, value), { maxLength: 4 }),
      fc.oneof({ weight: 2, arbitrary: fc.constant(valid) }, { weight: 1, arbitrary: fc.subarray(valid) }),
      fc.option(anyText, { nil: undefined, freq: 5 }),
      fc.boolean(),
    )
    .map(([others, kept, half, isFirst]) => {
      const fields = (isFirst ? [...kept, ...others] : [...others, ...kept]).flat();
      return half === undefined ? fields : [...fields, half];
    });

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);

describe(`any opening handshake (${seedNote})`, () => {
  it("server answers any request with a well-formed response", () => {
    const method = fc.oneof({ weight: 5, arbitrary: fc.constant("GET") }, { weight: 1, arbitrary: anyText });
    const httpVersion = fc.oneof(
      { weight: 5, arbitrary: fc.constant("1.1") },
      { weight: 1, arbitrary: anyText },
    );
    const property = fc.property(
      method,
      httpVersion,
      fieldsAround(validRequest),
      (verb, version, headers) => {
        const request = { method: verb, httpVersion: version, rawHeaders: headers };
        const handshake = acceptUpgrade(request, { chooseProtocol: (offered) => offered[0] });
        if (!handshake.isAccepted) {
          expect(handshake.status).toBeGreaterThanOrEqual(400);
          expect(parseResponse(rejectionResponse(handshake, "Refused")).status).toBe(handshake.status);
          return;
        }
        const head = parseResponse(handshake.responseHead);
        expect(head).toMatchObject({ status: 101, body: "" });
        expect(valuesOf(head.rawHeaders, "sec-websocket-accept")).toEqual(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
        const { protocol } = handshake;
        expect(valuesOf(head.rawHeaders, "sec-websocket-protocol")).toEqual(
          protocol === undefined ? [] : [protocol],
        );
      },
    );
    fc.assert(property, runs(2000));
  });

  it("client checks any response without throwing", () => {
    const status = fc.oneof(
      { weight: 4, arbitrary: fc.constant(101) },
      { weight: 1, arbitrary: fc.integer() },
    );
    const handshake = createUpgrade(["chat"], "dGhlIHNhbXBsZSBub25jZQ==");
    const property = fc.property(status, fieldsAround(validResponse), (code, headers) => {
      const result = checkUpgradeResponse(handshake, { status: code, rawHeaders: headers });
      if (!result.isAccepted) return;
      expect(code).toBe(101);
      expect(["", "chat"]).toContain(result.protocol);
      expect(valuesOf(headers, "sec-websocket-accept")).toHaveLength(1);
    });
    fc.assert(property, runs(1000));
  });

  it("client and server agree on any subprotocols", () => {
    const offer = fc.uniqueArray(token, { maxLength: 5 });
    const property = fc.property(offer, fc.nat(5), (protocols, index) => {
      const chosen = protocols[index];
      const handshake = createUpgrade(protocols);
      const headers = ["Host", "example.com", ...Object.entries(handshake.headers).flat()];
      const seen: string[] = [];
      const answer = acceptUpgrade(
        { method: "GET", httpVersion: "1.1", rawHeaders: headers },
        {
          chooseProtocol: (offered) => {
            seen.push(...offered);
            return chosen;
          },
        },
      );
      expect(seen).toEqual(protocols);
      const response = parseResponse(answer.isAccepted ? answer.responseHead : "");
      expect(checkUpgradeResponse(handshake, response)).toMatchObject({
        isAccepted: true,
        protocol: chosen ?? "",
      });
    });
    fc.assert(property, runs(300));
  });
});
