/** What a client offers and accepts as the answer (RFC 7692 §5.1 and §7.1), and what both sides agree on. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acceptValueFor } from "../../../packages/holdfast/src/websocket/handshake-fields.js";
import {
  acceptUpgrade,
  checkConnectResponse,
  checkUpgradeResponse,
  createUpgrade,
  type Deflate,
  type DeflateOptions,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket.js";
import { runs } from "./support/arbitraries.js";
import { parseResponse } from "./support/http-head.js";
import { requestWith } from "./support/opening-handshake.js";
import { seedNote } from "./support/seed.js";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const allBits = [8, 9, 10, 11, 12, 13, 14, 15];
const takeover: DeflateOptions = { contextTakeover: true };

const offerOf = (options: DeflateOptions) =>
  createUpgrade([], key, resolveDeflate(options)).headers["Sec-WebSocket-Extensions"]?.split("; ");

/** Checks the answer over HTTP/1.1 and over HTTP/2, which must come to the same. */
function check(answer: string | readonly string[], options: DeflateOptions | null = {}) {
  const handshake = createUpgrade([], key, options === null ? undefined : resolveDeflate(options));
  const fields = [answer].flat().flatMap((value) => ["Sec-WebSocket-Extensions", value]);
  const upgrade = [
    "Upgrade",
    "websocket",
    "Connection",
    "Upgrade",
    "Sec-WebSocket-Accept",
    acceptValueFor(key),
  ];
  const result = checkUpgradeResponse(handshake, { status: 101, rawHeaders: [...upgrade, ...fields] });
  expect(checkConnectResponse(handshake, { status: 200, rawHeaders: fields })).toEqual(result);
  return result;
}

function expectAgreement(answer: string, options: DeflateOptions, agreement: object): void {
  const result = check(answer, options);
  expect(result).toMatchObject({ isAccepted: true, deflate: { agreement, settings: options } });
}

function expectRefusal(answer: string | readonly string[], options: DeflateOptions | null = {}): void {
  expect(check(answer, options)).toEqual({ isAccepted: false, message: expect.stringMatching(/\w/) });
}

describe("client's offer (RFC 7692 §7.1)", () => {
  it("offers nothing where compression is not configured", () => {
    expect(createUpgrade([], key).headers).not.toHaveProperty("Sec-WebSocket-Extensions");
  });

  it("asks both sides to keep no context, and lets its own window be limited", () => {
    expect(offerOf({})?.toSorted()).toEqual([
      "client_max_window_bits",
      "client_no_context_takeover",
      "permessage-deflate",
      "server_no_context_takeover",
    ]);
  });

  it("does not ask so where context takeover is configured", () => {
    expect(offerOf(takeover)).toEqual(["permessage-deflate", "client_max_window_bits"]);
  });

  it.each(allBits)("offers windows of %i bits", (bits) => {
    const own = offerOf({ ...takeover, maxWindowBits: bits });
    expect(own).toContain(bits < 15 ? `client_max_window_bits=${bits}` : "client_max_window_bits");
    const peers = offerOf({ ...takeover, maxPeerWindowBits: bits });
    if (bits < 15) expect(peers).toContain(`server_max_window_bits=${bits}`);
    else expect(peers).not.toContainEqual(expect.stringContaining("server_max_window_bits"));
  });
});

describe("answer that a client takes (RFC 7692 §7.1)", () => {
  const bothWithout = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const withContext = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
  };
  const withoutContext = { ...withContext, serverNoContextTakeover: true, clientNoContextTakeover: true };

  it("takes no answer at all as declined", () => {
    for (const answer of [[], "", [" ", ","]])
      expect(check(answer)).toMatchObject({ isAccepted: true, extensions: "", deflate: undefined });
  });

  it("takes what it asked for", () => {
    expectAgreement(bothWithout, {}, withoutContext);
    expectAgreement("permessage-deflate", takeover, withContext);
    expect(check(bothWithout)).toMatchObject({ extensions: bothWithout });
  });

  it("keeps no context of its own where it said so, answered or not (§7.1.1.2)", () => {
    expectAgreement("permessage-deflate; server_no_context_takeover", {}, withoutContext);
  });

  it("takes less context than it offered (§7.1.1)", () => {
    expectAgreement(bothWithout, takeover, withoutContext);
    const serverOnly = { ...withContext, serverNoContextTakeover: true };
    expectAgreement("permessage-deflate; server_no_context_takeover", takeover, serverOnly);
    const clientOnly = { ...withContext, clientNoContextTakeover: true };
    expectAgreement("permessage-deflate; client_no_context_takeover", takeover, clientOnly);
  });

  it.each(allBits)("takes a server's window of %i bits where it is in the bound (§7.1.2.1)", (bits) => {
    const answer = `permessage-deflate; server_max_window_bits=${bits}`;
    const agreement = { ...withContext, serverMaxWindowBits: bits };
    for (const maxPeerWindowBits of allBits)
      if (bits <= maxPeerWindowBits) expectAgreement(answer, { ...takeover, maxPeerWindowBits }, agreement);
      else expectRefusal(answer, { ...takeover, maxPeerWindowBits });
  });

  it.each(allBits)("limits its own window to %i bits, and never beyond its own bound (§7.1.2.2)", (bits) => {
    const answer = `permessage-deflate; client_max_window_bits=${bits}`;
    for (const maxWindowBits of allBits.filter((each) => each >= bits))
      expectAgreement(answer, { ...takeover, maxWindowBits }, { ...withContext, clientMaxWindowBits: bits });
    for (const maxWindowBits of allBits) {
      const result = check(answer, { ...takeover, maxWindowBits });
      if (!result.isAccepted) continue;
      expect(result.deflate?.agreement.clientMaxWindowBits).toBeLessThanOrEqual(maxWindowBits);
    }
  });

  it("takes quoted values and odd spaces", () => {
    const answer = 'permessage-deflate ;server_max_window_bits = "9" ; client_max_window_bits="\\1\\0"';
    expectAgreement(answer, takeover, { ...withContext, serverMaxWindowBits: 9, clientMaxWindowBits: 10 });
  });
});

describe("answer that a client refuses (RFC 7692 §5.1 and §7.1)", () => {
  it("refuses any extension where it offered none", () => {
    for (const answer of ["permessage-deflate", "x", "permessage-deflate; server_no_context_takeover"])
      expectRefusal(answer, null);
  });

  it("refuses an extension that it did not offer", () => {
    for (const name of ["x", "permessage-bzip2", "x-webkit-deflate-frame"]) {
      expectRefusal(name, takeover);
      expectRefusal(`permessage-deflate, ${name}`, takeover);
      expectRefusal(`${name}, permessage-deflate`, takeover);
    }
  });

  it("refuses permessage-deflate twice", () => {
    expectRefusal("permessage-deflate, permessage-deflate", takeover);
    expectRefusal(["permessage-deflate", "permessage-deflate"], takeover);
  });

  it("refuses a server that would keep its context where it was asked not to (§7.1.1.1)", () => {
    for (const answer of ["permessage-deflate", "permessage-deflate; client_no_context_takeover"])
      expectRefusal(answer);
  });

  it("refuses a server that is silent about the window asked for (§7.1.2.1)", () => {
    for (const maxPeerWindowBits of [8, 14])
      expectRefusal("permessage-deflate", { ...takeover, maxPeerWindowBits });
  });

  const faulty = [
    ...["server", "client"].flatMap((side) => [
      `${side}_max_window_bits`,
      ...["7", "16", "08", "+8", "0", "8.0", "x"].map((value) => `${side}_max_window_bits=${value}`),
      `${side}_max_window_bits=10; ${side}_max_window_bits=10`,
      `${side}_no_context_takeover=1`,
      `${side}_no_context_takeover; ${side}_no_context_takeover`,
    ]),
    "unknown",
    "unknown=1",
    "toString",
  ];

  it.each(faulty)("refuses %s", (parameters) => {
    expectRefusal(`permessage-deflate; ${parameters}`, takeover);
    const others = ["server_no_context_takeover", "client_no_context_takeover"].filter(
      (name) => !parameters.includes(name),
    );
    expectRefusal(["permessage-deflate", ...others, parameters].join("; "), takeover);
  });

  it.each([
    ";",
    "permessage-deflate;",
    "permessage deflate",
    'permessage-deflate; x="',
    "permessage-deflate; x=",
  ])("refuses the malformed %s", (answer) => {
    expectRefusal(answer, takeover);
    expectRefusal(answer, null);
  });
});

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

function expectBothAgree(
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
            expectBothAgree(client, server, negotiate(client, server));
          expectBothAgree({ contextTakeover: true }, client, negotiate({ contextTakeover: true }, client));
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
      expectBothAgree(client, server, agreed);
      expect([agreed.ofClient?.settings, agreed.ofServer?.settings]).toEqual([client, server]);
    });
    fc.assert(property, runs(300));
  });

  it("agree on no context where the server has no room for one", () => {
    const takeover = { contextTakeover: true };
    expectBothAgree(takeover, {}, negotiate(takeover, takeover, false));
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
