import { describe, expect, it } from "vitest";
import { parseResponse } from "../../../../test/conformance/websocket/support/http-head.js";
import { acceptValueFor, createWebSocketKey } from "../../src/websocket/handshake-fields.js";
import { acceptUpgrade, checkUpgradeResponse, createUpgrade } from "../../src/websocket.js";

const key = "dGhlIHNhbXBsZSBub25jZQ==";
const accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Fields = Record<string, string | readonly string[] | undefined>;

/** The response of RFC 6455 §1.2 with other fields; undefined leaves one out, an array repeats it. */
function responseWith(fields: Fields = {}, status = 101) {
  const all: Fields = {
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Accept": accept,
    ...fields,
  };
  const rawHeaders = Object.entries(all).flatMap(([name, value = []]) =>
    (typeof value === "string" ? [value] : value).flatMap((each) => [name, each]),
  );
  return { status, rawHeaders };
}

const check = (fields: Fields, protocols: string[] = [], status = 101) =>
  checkUpgradeResponse(createUpgrade(protocols, key), responseWith(fields, status));

describe("client's opening handshake (RFC 6455 §4.1)", () => {
  it("sends the fields that the RFC asks for", () => {
    const { headers, ...handshake } = createUpgrade([], key);
    expect(handshake).toEqual({ key, protocols: [] });
    const lower = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value.toLowerCase()]),
    );
    expect(lower).toEqual({
      upgrade: "websocket",
      connection: "upgrade",
      "sec-websocket-key": key.toLowerCase(),
      "sec-websocket-version": "13",
    });
    expect(Object.values(headers)).toContain(key);
  });

  it("offers subprotocols in order of preference", () => {
    const { headers } = createUpgrade(["v2.chat", "chat"], key);
    expect(headers["Sec-WebSocket-Protocol"]).toBe("v2.chat, chat");
  });

  it("draws a new key of 16 bytes for every handshake", () => {
    const keys = Array.from({ length: 50 }, () => createUpgrade().key);
    expect(new Set(keys).size).toBe(50);
    for (const each of [...keys, createWebSocketKey()]) {
      expect(Buffer.from(each, "base64")).toHaveLength(16);
      expect(Buffer.from(each, "base64").toString("base64")).toBe(each);
    }
  });

  it("refuses a subprotocol that is offered twice", () => {
    for (const protocols of [
      ["chat", "chat"],
      ["a", "b", "a"],
    ])
      expect(() => createUpgrade(protocols)).toThrow(
        expect.objectContaining({ name: "HoldfastError", code: "HF_WEBSOCKET_ARGUMENT" }),
      );
  });

  it.each(["", " ", "a b", "a,b", "chat\r\nX: y", "é", "a/b", '"a"', "a\u{0}", "a;b", "a="])(
    "refuses the subprotocol %j, which is no token",
    (protocol) => {
      expect(() => createUpgrade(["chat", protocol])).toThrow(
        expect.objectContaining({ code: "HF_WEBSOCKET_ARGUMENT" }),
      );
    },
  );
});

describe("server's answer, checked by the client (RFC 6455 §4.1)", () => {
  it("accepts the answer of RFC 6455 §1.2", () => {
    expect(check({})).toMatchObject({ isAccepted: true, protocol: "" });
  });

  it.each<[string, Fields]>([
    ["Upgrade in mixed case", { Upgrade: "WebSocket" }],
    ["Connection in mixed case", { Connection: "uPGRADE" }],
    ["Connection of several tokens", { Connection: "keep-alive, Upgrade" }],
    ["Connection in a second field", { Connection: ["keep-alive", "upgrade"] }],
    ["spaces around the accept value", { "Sec-WebSocket-Accept": `  ${accept}\t` }],
    ["fields it does not know", { Server: "x", "Set-Cookie": ["a=b", "c=d"] }],
  ])("accepts %s", (_name, fields) => {
    expect(check(fields)).toMatchObject({ isAccepted: true, protocol: "" });
  });

  it("reads field names in any case", () => {
    const rawHeaders = responseWith().rawHeaders.map((each, i) => (i % 2 === 0 ? each.toUpperCase() : each));
    expect(checkUpgradeResponse(createUpgrade([], key), { status: 101, rawHeaders }).isAccepted).toBe(true);
  });

  it.each([100, 102, 200, 201, 204, 301, 400, 401, 403, 426, 500])("refuses the status %i", (status) => {
    expect(check({}, [], status).isAccepted).toBe(false);
  });

  it.each<[string, Fields]>([
    ["no Upgrade", { Upgrade: undefined }],
    ["an empty Upgrade", { Upgrade: "" }],
    ["another Upgrade", { Upgrade: "h2c" }],
    ["an Upgrade that only begins like it", { Upgrade: "websockets" }],
    ["an Upgrade to more than WebSocket", { Upgrade: "websocket, h2c" }],
    ["no Connection", { Connection: undefined }],
    ["a Connection without the token", { Connection: "keep-alive" }],
    ["a Connection that only ends like it", { Connection: "no-upgrade" }],
    ["no accept value", { "Sec-WebSocket-Accept": undefined }],
    ["an empty accept value", { "Sec-WebSocket-Accept": "" }],
    ["the key as accept value", { "Sec-WebSocket-Accept": key }],
    [
      "the accept value of another key",
      { "Sec-WebSocket-Accept": acceptValueFor("AQIDBAUGBwgJCgsMDQ4PEA==") },
    ],
    ["the accept value in lower case", { "Sec-WebSocket-Accept": accept.toLowerCase() }],
    ["half of the accept value", { "Sec-WebSocket-Accept": accept.slice(0, 14) }],
    ["more than the accept value", { "Sec-WebSocket-Accept": `${accept}x` }],
    ["two accept values, the last one right", { "Sec-WebSocket-Accept": ["x", accept] }],
    ["two accept values, the first one right", { "Sec-WebSocket-Accept": [accept, "x"] }],
    ["an extension that was not offered", { "Sec-WebSocket-Extensions": "permessage-deflate" }],
    ["a subprotocol, though none was offered", { "Sec-WebSocket-Protocol": "chat" }],
  ])("refuses %s", (_name, fields) => {
    expect(check(fields)).toEqual({ isAccepted: false, message: expect.stringMatching(/\w/) });
  });
});

describe("subprotocols at the client (RFC 6455 §4.1)", () => {
  const offered = ["v2.chat", "chat"];

  it("accepts a subprotocol that was offered", () => {
    expect(check({ "Sec-WebSocket-Protocol": "chat" }, offered)).toMatchObject({
      isAccepted: true,
      protocol: "chat",
    });
  });

  it("takes an answer without any", () => {
    expect(check({}, offered)).toMatchObject({ isAccepted: true, protocol: "" });
  });

  it.each<[string, string | string[]]>([
    ["one that was not offered", "other"],
    ["one in another case", "Chat"],
    ["two in one field", "v2.chat, chat"],
    ["two in two fields", ["v2.chat", "chat"]],
    ["the same in two fields", ["chat", "chat"]],
  ])("refuses %s", (_name, protocol) => {
    expect(check({ "Sec-WebSocket-Protocol": protocol }, offered).isAccepted).toBe(false);
  });
});

describe("both sides of the opening handshake (RFC 6455 §1.3)", () => {
  it.each([[[]], [["chat"]], [["v2.chat", "chat"]]])(
    "the client accepts what the server answers to %j",
    (protocols) => {
      const handshake = createUpgrade(protocols);
      const rawHeaders = ["Host", "example.com", ...Object.entries(handshake.headers).flat()];
      const answer = acceptUpgrade(
        { method: "GET", httpVersion: "1.1", rawHeaders },
        { chooseProtocol: (offers) => offers.at(-1) },
      );
      const response = parseResponse(answer.isAccepted ? answer.responseHead : "");
      expect(checkUpgradeResponse(handshake, response)).toMatchObject({
        isAccepted: true,
        protocol: protocols.at(-1) ?? "",
      });
    },
  );
});
