import { describe, expect, it } from "vitest";
import { valuesOf } from "../../../../test/conformance/websocket/support/http-head.js";
import {
  acceptedHead,
  requestWith,
} from "../../../../test/conformance/websocket/support/opening-handshake.js";
import { HoldfastError } from "../../src/errors.js";
import {
  acceptUpgrade,
  acceptValueFor,
  type ServerHandshake,
  type ServerHandshakeOptions,
} from "../../src/websocket/index.js";

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

  it("answers with the one that is chosen, as the client wrote it", () => {
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
