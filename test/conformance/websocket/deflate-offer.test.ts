/** What a server makes of offers of permessage-deflate (RFC 7692 §5.1 and §7.1). */
import { describe, expect, it } from "vitest";
import {
  acceptUpgrade,
  type DeflateOptions,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket.js";
import { accept, declined, handshakeOf, withContext, withoutContext } from "./support/deflate-offer.js";
import { valuesOf } from "./support/http-head.js";
import { acceptedHead, expectRejection, requestWith } from "./support/opening-handshake.js";

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

describe("spelling of an offer (RFC 6455 §9.1)", () => {
  it.each([
    ["no spaces", "permessage-deflate;server_max_window_bits=10;client_no_context_takeover"],
    ["many spaces", " permessage-deflate ; \t server_max_window_bits  =\t10 ; client_no_context_takeover\t"],
    ["a quoted value", 'permessage-deflate; server_max_window_bits="10"; client_no_context_takeover'],
    [
      "a value with escapes",
      'permessage-deflate; server_max_window_bits="\\1\\0"; client_no_context_takeover',
    ],
    [
      "empty members of the list",
      ", ,permessage-deflate; server_max_window_bits=10; client_no_context_takeover,,",
    ],
  ])("takes %s", (_name, offer) => {
    const agreement = { ...withContext, serverMaxWindowBits: 10, clientNoContextTakeover: true };
    expect(accept(offer, takeover).agreement).toEqual(agreement);
  });

  it.each([
    ["no name", "; server_max_window_bits=10"],
    ["a name that is no token", "permessage/deflate"],
    ["a name of two words", "permessage deflate"],
    ["a quoted name", '"permessage-deflate"'],
    ["an empty parameter", "permessage-deflate;"],
    ["an empty parameter between others", "permessage-deflate; ; client_max_window_bits"],
    ["an empty value", "permessage-deflate; server_max_window_bits="],
    ["an empty quoted value", 'permessage-deflate; server_max_window_bits=""'],
    ["a value without a name", "permessage-deflate; =10"],
    ["a value that is no token", "permessage-deflate; server_max_window_bits=1 0"],
    ["a quoted value that is no token", 'permessage-deflate; server_max_window_bits="1 0"'],
    ["a quoted comma", 'permessage-deflate; server_max_window_bits="1,0"'],
    ["a quoted semicolon", 'permessage-deflate; server_max_window_bits="1;0"'],
    ["a quote without its end", 'permessage-deflate; server_max_window_bits="10'],
    ["an end of a quote that is escaped", 'permessage-deflate; server_max_window_bits="10\\"'],
    ["a quote within a value", 'permessage-deflate; server_max_window_bits=1"0"'],
    ["two values", "permessage-deflate; server_max_window_bits=10=11"],
    ["a value in single quotes of spaces", "permessage-deflate; server_max_window_bits=' '"],
    ["a letter beyond ASCII", "permessage-déflate"],
    ["a fault behind a good offer", "permessage-deflate, x;"],
  ])("answers 400 to %s", (_name, offer) => {
    expectRejection(handshakeOf(offer), 400);
  });

  it("answers 400 to a malformed field even where nothing is configured", () => {
    expectRejection(acceptUpgrade(requestWith({ "Sec-WebSocket-Extensions": "a b" })), 400);
  });
});

/** RFC 7692 §7.1: an offer with one of these must be declined. */
const faultyParameters: readonly string[] = [
  ...["server", "client"].flatMap((side) => [
    ...["7", "16", "0", "-8", "+8", "08", "010", "8.0", "1e1", "0x8", "1_0", "150", "8bits", "true"].map(
      (value) => `${side}_max_window_bits=${value}`,
    ),
    `${side}_max_window_bits=10; ${side}_max_window_bits=10`,
    `${side}_max_window_bits=10; ${side}_max_window_bits=11`,
    `${side}_no_context_takeover=1`,
    `${side}_no_context_takeover=true`,
    `${side}_no_context_takeover="x"`,
    `${side}_no_context_takeover; ${side}_no_context_takeover`,
    `${side}_NO_CONTEXT_TAKEOVER`,
    `${side}-max-window-bits=10`,
  ]),
  "server_max_window_bits",
  "client_max_window_bits; client_max_window_bits",
  "client_max_window_bits; client_max_window_bits=10",
  "client_max_window_bits=10; client_max_window_bits",
  "unknown",
  "unknown=1",
  "mem_level=8",
  "toString",
  "__proto__=8",
  "constructor",
];

describe("offers that a server declines (RFC 7692 §7.1)", () => {
  it.each(faultyParameters)("declines %s", (parameters) => {
    for (const options of [{}, takeover])
      expect(accept(`permessage-deflate; ${parameters}`, options)).toEqual(declined);
  });

  it.each(faultyParameters)("declines %s among good parameters, in any place", (parameters) => {
    expect(accept(`permessage-deflate; ${parameters}; client_no_context_takeover; x`)).toEqual(declined);
    for (const good of ["server_no_context_takeover", "client_no_context_takeover"]) {
      if (parameters.includes(good)) continue;
      expect(accept(`permessage-deflate; ${good}; ${parameters}`)).toEqual(declined);
      expect(accept(`permessage-deflate; ${parameters}; ${good}`)).toEqual(declined);
    }
  });

  it.each(faultyParameters)("takes the next offer after %s", (parameters) => {
    const good = "permessage-deflate; server_max_window_bits=9";
    const agreement = { ...withContext, serverMaxWindowBits: 9 };
    for (const offer of [
      `permessage-deflate; ${parameters}, ${good}`,
      [`permessage-deflate; ${parameters}`, good],
    ])
      expect(accept(offer, takeover).agreement).toEqual(agreement);
  });

  it.each([
    "x-webkit-deflate-frame",
    "permessage-bzip2",
    "permessage-deflat",
    "permessage-deflate2",
    "PERMESSAGE_DEFLATE",
  ])("does not know %s, and passes over it", (name) => {
    expect(accept(name)).toEqual(declined);
    expect(accept(`${name}; server_max_window_bits=10`)).toEqual(declined);
    expect(accept(`${name}; a=b, permessage-deflate`).agreement).toEqual(withoutContext);
  });
});

describe("several offers (RFC 7692 §5.1)", () => {
  it("takes the first that it can honour, in the client's order", () => {
    const first = "permessage-deflate; server_max_window_bits=10";
    const second = "permessage-deflate; server_max_window_bits=12";
    for (const offer of [`${first}, ${second}`, [first, second], `${first},permessage-deflate,${second}`])
      expect(accept(offer).agreement).toEqual({ ...withoutContext, serverMaxWindowBits: 10 });
    expect(accept(`${second}, ${first}`).agreement).toEqual({ ...withoutContext, serverMaxWindowBits: 12 });
  });

  it("takes the last where all others are faulty", () => {
    const faulty = faultyParameters.map((parameters) => `permessage-deflate; ${parameters}`);
    expect(accept([...faulty, "permessage-deflate"].join(", ")).agreement).toEqual(withoutContext);
    expect(accept([...faulty, "permessage-deflate"]).agreement).toEqual(withoutContext);
  });

  it("agrees on nothing where all are faulty", () => {
    expect(accept(faultyParameters.map((parameters) => `permessage-deflate; ${parameters}`))).toEqual(
      declined,
    );
  });
});
