/** RFC 7692 §5.1 and §7.1: what a client offers, and what it makes of the server's answer. */
import { describe, expect, it } from "vitest";
import {
  acceptValueFor,
  checkConnectResponse,
  checkUpgradeResponse,
  createUpgrade,
  type DeflateOptions,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket/index.js";

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
