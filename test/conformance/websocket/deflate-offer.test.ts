/** RFC 7692 §5.1 and §7.1: what a server makes of the offers of a client. Autobahn section 13. */
import { describe, expect, it } from "vitest";
import {
  acceptUpgrade,
  type DeflateOptions,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket/index.js";
import { accept, declined, withContext, withoutContext } from "./support/deflate-offer.js";
import { valuesOf } from "./support/http-head.js";
import { acceptedHead, requestWith } from "./support/opening-handshake.js";

const allBits = [8, 9, 10, 11, 12, 13, 14, 15];
const noTakeover = ["client_no_context_takeover", "server_no_context_takeover"];
const takeover: DeflateOptions = { contextTakeover: true };

describe("server that is offered permessage-deflate (RFC 7692 §7.1)", () => {
  it("accepts a bare offer, and names what it asks for", () => {
    expect(accept("permessage-deflate")).toEqual({ parameters: noTakeover, agreement: withoutContext });
    expect(accept("permessage-deflate", takeover)).toEqual({ parameters: [], agreement: withContext });
  });

  it("agrees on nothing where nothing is offered, or nothing is configured", () => {
    expect(accept(undefined)).toEqual(declined);
    expect(accept("")).toEqual(declined);
    const request = requestWith({ "Sec-WebSocket-Extensions": "permessage-deflate" });
    const handshake = acceptUpgrade(request);
    expect(valuesOf(acceptedHead(handshake), "sec-websocket-extensions")).toEqual([]);
    expect(handshake).toMatchObject({ deflate: undefined });
  });

  it("hands on the settings that it was given", () => {
    const compression = resolveDeflate({ level: 5 });
    const request = requestWith({ "Sec-WebSocket-Extensions": "permessage-deflate" });
    expect(acceptUpgrade(request, { compression })).toMatchObject({ deflate: { settings: compression } });
  });

  it("keeps no context where it has no room for one", () => {
    const request = requestWith({ "Sec-WebSocket-Extensions": "permessage-deflate" });
    const compression = resolveDeflate(takeover);
    const agreementWith = (takesContext: boolean | undefined) => {
      const handshake = acceptUpgrade(request, { compression, takesContext });
      return handshake.isAccepted && handshake.deflate?.agreement;
    };
    expect([undefined, true, false].map(agreementWith)).toEqual([withContext, withContext, withoutContext]);
  });

  it("answers server_no_context_takeover with the same (§7.1.1.1)", () => {
    const { parameters, agreement } = accept("permessage-deflate; server_no_context_takeover", takeover);
    expect(parameters).toEqual(["server_no_context_takeover"]);
    expect(agreement).toEqual({ ...withContext, serverNoContextTakeover: true });
  });

  it("takes the hint client_no_context_takeover (§7.1.1.2)", () => {
    const { agreement } = accept("permessage-deflate; client_no_context_takeover", takeover);
    expect(agreement).toEqual({ ...withContext, clientNoContextTakeover: true });
  });

  it.each(allBits)("answers server_max_window_bits=%i with no larger window (§7.1.2.1)", (bits) => {
    for (const maxWindowBits of allBits) {
      const offer = `permessage-deflate; server_max_window_bits=${bits}`;
      const { parameters, agreement } = accept(offer, { ...takeover, maxWindowBits });
      const serverMaxWindowBits = Math.min(bits, maxWindowBits);
      expect(parameters).toEqual([`server_max_window_bits=${serverMaxWindowBits}`]);
      expect(agreement).toEqual({ ...withContext, serverMaxWindowBits });
    }
  });

  it.each(allBits)("names its own window of %i bits, asked or not (§7.1.2.1)", (maxWindowBits) => {
    const { parameters, agreement } = accept("permessage-deflate", { ...takeover, maxWindowBits });
    expect(parameters).toEqual(maxWindowBits < 15 ? [`server_max_window_bits=${maxWindowBits}`] : []);
    expect(agreement).toEqual({ ...withContext, serverMaxWindowBits: maxWindowBits });
  });

  it.each(allBits)(
    "limits the client to %i bits only where the client can be limited (§7.1.2.2)",
    (maxPeerWindowBits) => {
      const options = { ...takeover, maxPeerWindowBits };
      expect(accept("permessage-deflate", options)).toEqual({ parameters: [], agreement: withContext });
      const { parameters, agreement } = accept("permessage-deflate; client_max_window_bits", options);
      expect(agreement).toEqual({ ...withContext, clientMaxWindowBits: maxPeerWindowBits });
      if (maxPeerWindowBits < 15) expect(parameters).toEqual([`client_max_window_bits=${maxPeerWindowBits}`]);
    },
  );

  it.each(allBits)("answers client_max_window_bits=%i with no larger window (§7.1.2.2)", (bits) => {
    for (const maxPeerWindowBits of allBits) {
      const offer = `permessage-deflate; client_max_window_bits=${bits}`;
      const { parameters, agreement } = accept(offer, { ...takeover, maxPeerWindowBits });
      const clientMaxWindowBits = Math.min(bits, maxPeerWindowBits);
      expect(agreement).toEqual({ ...withContext, clientMaxWindowBits });
      if (clientMaxWindowBits < 15)
        expect(parameters).toEqual([`client_max_window_bits=${clientMaxWindowBits}`]);
    }
  });

  it("answers with one extension, however many are offered", () => {
    const offer = "permessage-deflate, permessage-deflate, permessage-deflate";
    expect(accept(offer).parameters).toEqual(noTakeover);
  });

  it("honours all four parameters at once, in any order", () => {
    const parts = [
      "server_no_context_takeover",
      "client_no_context_takeover",
      "server_max_window_bits=10",
      "client_max_window_bits=11",
    ];
    const agreement = { ...withoutContext, serverMaxWindowBits: 10, clientMaxWindowBits: 11 };
    for (const order of [parts, parts.toReversed()])
      expect(accept(["permessage-deflate", ...order].join("; "), takeover)).toEqual({
        parameters: parts.toSorted(),
        agreement,
      });
  });
});
