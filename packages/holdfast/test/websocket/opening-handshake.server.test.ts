/** The server's part of the opening handshake (RFC 6455 §4.2): what it accepts and what it refuses. */
import { describe, expect, it } from "vitest";
import { parseResponse, valuesOf } from "../../../../test/conformance/websocket/support/http-head.js";
import {
  acceptedHead,
  expectRejection,
  headerOf,
  requestWith,
} from "../../../../test/conformance/websocket/support/opening-handshake.js";
import { HoldfastError } from "../../src/errors.js";
import { acceptValueFor } from "../../src/websocket/handshake-fields.js";
import {
  acceptUpgrade,
  type Rejection,
  reject,
  rejectionResponse,
  type ServerHandshake,
  type ServerHandshakeOptions,
} from "../../src/websocket.js";

describe("server's opening handshake (RFC 6455 §4.2)", () => {
  it("accepts the request of RFC 6455 §1.2 with the answer given there", () => {
    const headers = acceptedHead(acceptUpgrade(requestWith()));
    expect(valuesOf(headers, "upgrade").map((value) => value.toLowerCase())).toEqual(["websocket"]);
    expect(valuesOf(headers, "connection").map((value) => value.toLowerCase())).toEqual(["upgrade"]);
    expect(valuesOf(headers, "sec-websocket-accept")).toEqual(["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    expect(valuesOf(headers, "sec-websocket-protocol")).toEqual([]);
    expect(valuesOf(headers, "sec-websocket-extensions")).toEqual([]);
  });

  it("needs no Origin, and minds no field it does not know", () => {
    acceptedHead(acceptUpgrade(requestWith({ Origin: undefined, Cookie: "a=b", "X-Any": ["", "x"] })));
  });

  it.each([
    ["Upgrade in mixed case", { Upgrade: "WebSocket" }],
    ["Upgrade in capitals", { Upgrade: "WEBSOCKET" }],
    ["Upgrade among others", { Upgrade: "h2c, websocket" }],
    ["Upgrade in a second field", { Upgrade: ["h2c", "WebSocket"] }],
    ["Connection in mixed case", { Connection: "uPGRADE" }],
    ["Connection of several tokens", { Connection: "keep-alive, Upgrade" }],
    ["Connection with odd spaces", { Connection: " keep-alive ,, \tupgrade ," }],
    ["Connection in a second field", { Connection: ["keep-alive", "Upgrade"] }],
  ])("accepts %s", (_name, fields) => {
    acceptedHead(acceptUpgrade(requestWith(fields)));
  });

  it("reads field names in any case", () => {
    const request = requestWith();
    for (const change of ["toLowerCase", "toUpperCase"] as const) {
      const rawHeaders = request.rawHeaders.map((each, i) => (i % 2 === 0 ? each[change]() : each));
      acceptedHead(acceptUpgrade({ ...request, rawHeaders }));
    }
  });

  it("computes the answer from the key of the request", () => {
    for (const key of ["x3JJHMbDL1EzLkh9GBhXDw==", "AQIDBAUGBwgJCgsMDQ4PEA==", "+/+/+/+/+/+/+/+/+/+/+w=="]) {
      const headers = acceptedHead(acceptUpgrade(requestWith({ "Sec-WebSocket-Key": key })));
      expect(valuesOf(headers, "sec-websocket-accept")).toEqual([acceptValueFor(key)]);
    }
  });
});

describe("subprotocols at the server (RFC 6455 §4.2.2)", () => {
  const protocolsFor = (offer: string | readonly string[] | undefined, options?: ServerHandshakeOptions) => {
    const handshake = acceptUpgrade(requestWith({ "Sec-WebSocket-Protocol": offer }), options);
    const fields = valuesOf(acceptedHead(handshake), "sec-websocket-protocol");
    return { chosen: handshake.isAccepted && handshake.protocol, fields };
  };

  it("answers without the field when none is offered", () => {
    const options = { chooseProtocol: () => "chat" };
    expect(protocolsFor(undefined, options)).toEqual({ chosen: undefined, fields: [] });
  });

  it("answers without the field when none is chosen", () => {
    const options = { chooseProtocol: () => undefined };
    expect(protocolsFor("chat, superchat", options)).toEqual({ chosen: undefined, fields: [] });
    expect(protocolsFor("chat, superchat")).toEqual({ chosen: undefined, fields: [] });
  });

  it("answers with the chosen subprotocol, as the client wrote it", () => {
    const options = { chooseProtocol: (offered: readonly string[]) => offered[1] };
    expect(protocolsFor("chat, SuperChat", options)).toEqual({ chosen: "SuperChat", fields: ["SuperChat"] });
    expect(protocolsFor(["chat", "v2.chat"], options)).toEqual({ chosen: "v2.chat", fields: ["v2.chat"] });
  });

  it.each(["other", "Chat", "", "chat, superchat", "chat\r\nX-Injected: 1"])(
    "does not send %j, which the client did not offer",
    (chosen) => {
      const request = requestWith({ "Sec-WebSocket-Protocol": "chat, superchat" });
      let handshake: ServerHandshake | undefined;
      try {
        handshake = acceptUpgrade(request, { chooseProtocol: () => chosen });
      } catch (error) {
        // A mistake of the caller's may be thrown back at it, as long as nothing goes out.
        expect(error).toBeInstanceOf(HoldfastError);
      }
      const head = handshake?.isAccepted ? handshake.responseHead.toLowerCase() : "";
      expect(head).not.toContain("sec-websocket-protocol");
      expect(head).not.toContain("x-injected");
    },
  );

  it.each(["a b", "é", "chat\r\nX: y", "a/b", '"chat"', "\u{0}"])(
    "does not send %j, which is no token, even when it is offered and chosen",
    (offer) => {
      const options = { chooseProtocol: (offered: readonly string[]) => offered[0] };
      const handshake = acceptUpgrade(requestWith({ "Sec-WebSocket-Protocol": offer }), options);
      if (!handshake.isAccepted) expect(handshake.status).toBe(400);
      else expect(valuesOf(acceptedHead(handshake), "sec-websocket-protocol")).toEqual([]);
    },
  );

  it("shows all offers in the client's order", () => {
    const seen: (readonly string[])[] = [];
    const chooseProtocol = (offered: readonly string[]) => {
      seen.push(offered);
      return undefined;
    };
    protocolsFor(["c , a", "b"], { chooseProtocol });
    expect(seen).toEqual([["c", "a", "b"]]);
  });
});

describe("request that is no opening handshake (RFC 6455 §4.2.1)", () => {
  it.each(["POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "get", ""])(
    "method %j is refused with 405",
    (method) => {
      const rejection = expectRejection(acceptUpgrade({ ...requestWith(), method }), 405);
      // RFC 9110 §15.5.6: a 405 names the methods that are allowed.
      expect(headerOf(rejection, "allow")).toEqual(["GET"]);
    },
  );

  it.each(["1.0", "0.9", ""])("HTTP version %j is refused with 400", (httpVersion) => {
    expectRejection(acceptUpgrade({ ...requestWith(), httpVersion }), 400);
  });

  it.each([
    ["missing", undefined],
    ["given twice", ["a.example", "a.example"]],
  ])("Host %s is refused with 400", (_name, Host) => {
    expectRejection(acceptUpgrade(requestWith({ Host })), 400);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["of another protocol", "h2c"],
    ["that only begins like it", "websocket2"],
    ["with the token in one word with others", "h2c websocket"],
  ])("Upgrade %s is refused with 426", (_name, Upgrade) => {
    const rejection = expectRejection(acceptUpgrade(requestWith({ Upgrade })), 426);
    // RFC 9110 §15.5.22: a 426 names the protocols that are required.
    expect(headerOf(rejection, "upgrade").map((value) => value.toLowerCase())).toEqual(["websocket"]);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["without the token", "keep-alive"],
    ["that only ends like it", "no-upgrade"],
    ["with the token in one word with others", "keep-alive Upgrade"],
  ])("Connection %s is refused", (_name, Connection) => {
    const handshake = acceptUpgrade(requestWith({ Connection }));
    expect(handshake.isAccepted).toBe(false);
    expect([400, 426]).toContain((handshake as Rejection).status);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["8", "8"],
    ["0", "0"],
    ["14", "14"],
    ["with a leading zero", "013"],
    ["in words", "thirteen"],
    ["with a fraction", "13.0"],
    ["of several in one field", "13, 8"],
    ["of several in two fields", ["13", "8"]],
    ["given twice", ["13", "13"]],
  ])("version %s is refused with 426", (_name, version) => {
    const rejection = expectRejection(acceptUpgrade(requestWith({ "Sec-WebSocket-Version": version })), 426);
    expect(headerOf(rejection, "sec-websocket-version")).toEqual(["13"]);
    expect(headerOf(rejection, "upgrade").map((value) => value.toLowerCase())).toEqual(["websocket"]);
  });

  it.each([
    ["missing", undefined],
    ["empty", ""],
    ["of 15 bytes", "AQIDBAUGBwgJCgsMDQ4P"],
    ["of 17 bytes", "AQIDBAUGBwgJCgsMDQ4PEBE="],
    ["of 32 bytes", Buffer.alloc(32).toString("base64")],
    ["without padding", "dGhlIHNhbXBsZSBub25jZQ"],
    ["with half its padding", "dGhlIHNhbXBsZSBub25jZQ="],
    ["that is not base64", "dGhlIHNhbXBsZSBub25*ZQ=="],
    ["in base64url", "--__--__--__--__--__-w=="],
    ["with a space inside", "dGhlIHNhbXBs SBub25jZQ=="],
    ["given twice", ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="]],
    ["of two in one field", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="],
  ])("key %s is refused with 400", (_name, key) => {
    expectRejection(acceptUpgrade(requestWith({ "Sec-WebSocket-Key": key })), 400);
  });
});

describe("response to a refused handshake (RFC 9110 §15.5)", () => {
  it.each([
    ["a method", { ...requestWith(), method: "POST" }],
    ["a missing Upgrade", requestWith({ Upgrade: undefined })],
    ["a version", requestWith({ "Sec-WebSocket-Version": "8" })],
    ["a key", requestWith({ "Sec-WebSocket-Key": "" })],
  ])("is a whole HTTP response for %s", (_name, request) => {
    const rejection = acceptUpgrade(request) as Rejection;
    const { status, statusText, rawHeaders, body } = parseResponse(rejectionResponse(rejection, "Some Text"));
    expect({ status, statusText }).toEqual({ status: rejection.status, statusText: "Some Text" });
    expect(valuesOf(rawHeaders, "content-length")).toEqual([`${Buffer.byteLength(body)}`]);
    expect(body).toContain(rejection.message);
    const connection = valuesOf(rawHeaders, "connection").join(",").toLowerCase();
    expect(connection).toContain("close");
    // RFC 9110 §7.8: who sends Upgrade names it in Connection.
    const upgrade = valuesOf(rawHeaders, "upgrade");
    expect(connection.includes("upgrade")).toBe(upgrade.length > 0);
    for (const [name, value] of Object.entries(rejection.headers))
      expect(valuesOf(rawHeaders, name.toLowerCase())).toEqual([value]);
  });

  it("counts bytes of the body, and takes the fields it is given", () => {
    const text = rejectionResponse(reject(403, "Größe", { "X-Reason": "origin" }), "Forbidden");
    const { status, rawHeaders, body } = parseResponse(text);
    expect(status).toBe(403);
    expect(valuesOf(rawHeaders, "content-length")).toEqual([`${Buffer.byteLength(body)}`]);
    expect(valuesOf(rawHeaders, "x-reason")).toEqual(["origin"]);
  });
});
