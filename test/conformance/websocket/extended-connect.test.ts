/** RFC 8441 §5: the opening handshake over HTTP/2, which has neither key nor upgrade. */
import { describe, expect, it } from "vitest";
import {
  acceptExtendedConnect,
  acceptUpgrade,
  checkConnectResponse,
  createUpgrade,
  resolveDeflate,
} from "../../../packages/holdfast/src/websocket.js";
import { parseResponse, valuesOf } from "./support/http-head.js";
import { headerOf, requestWith } from "./support/opening-handshake.js";

const compression = resolveDeflate();

describe("server's answer to an extended CONNECT (RFC 8441 §5)", () => {
  const fields = ["sec-websocket-version", "13", "origin", "http://example.com"];

  it("accepts one without key, Upgrade, Connection and Host", () => {
    expect(acceptExtendedConnect(fields)).toEqual({
      isAccepted: true,
      protocol: undefined,
      deflate: undefined,
      headers: {},
    });
  });

  it("answers with no field of the upgrade, even if the request has a key", () => {
    const request = [...fields, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="];
    expect(acceptExtendedConnect(request)).toMatchObject({ isAccepted: true, headers: {} });
  });

  it.each([[[]], [["12"]], [["8"]], [["13", "13"]], [["13, 8"]], [["013"]], [[""]]])(
    "answers 400 and the version that it knows to version %j",
    (versions) => {
      const rawHeaders = versions.flatMap((version) => ["sec-websocket-version", version]);
      const agreement = acceptExtendedConnect(rawHeaders);
      if (agreement.isAccepted) throw new Error("accepted");
      expect(agreement.status).toBe(400);
      expect(headerOf(agreement, "sec-websocket-version")).toEqual(["13"]);
      expect(headerOf(agreement, "upgrade")).toEqual([]);
    },
  );

  it("chooses a subprotocol as over HTTP/1.1", () => {
    const offer = [...fields, "sec-websocket-protocol", "a, b", "sec-websocket-protocol", "c"];
    const chooseProtocol = (offered: readonly string[]) => offered.find((each) => each !== "a");
    expect(acceptExtendedConnect(offer, { chooseProtocol })).toMatchObject({
      protocol: "b",
      headers: { "Sec-WebSocket-Protocol": "b" },
    });
    expect(acceptExtendedConnect(offer)).toMatchObject({ protocol: undefined, headers: {} });
    expect(() => acceptExtendedConnect(offer, { chooseProtocol: () => "d" })).toThrow(/chooseProtocol/);
  });

  it.each([
    ["sec-websocket-protocol", "a b"],
    ["sec-websocket-extensions", "permessage-deflate;"],
  ])("answers 400 to a malformed %s", (name, value) => {
    const agreement = acceptExtendedConnect([...fields, name, value], { compression });
    expect(agreement).toMatchObject({ isAccepted: false, status: 400 });
  });

  it("accepts the same offers as over HTTP/1.1", () => {
    const offers = [
      "permessage-deflate",
      "permessage-deflate; x, permessage-deflate; server_max_window_bits=9",
      "x",
    ];
    for (const offer of offers) {
      const upgrade = acceptUpgrade(requestWith({ "Sec-WebSocket-Extensions": offer }), { compression });
      if (!upgrade.isAccepted) throw new Error(upgrade.message);
      const { responseHead, ...agreement } = upgrade;
      expect(acceptExtendedConnect([...fields, "sec-websocket-extensions", offer], { compression })).toEqual(
        agreement,
      );
      const answers = valuesOf(parseResponse(responseHead).rawHeaders, "sec-websocket-extensions");
      expect(answers).toEqual(Object.values(agreement.headers));
    }
  });

  it("is understood by the client of this engine", () => {
    const handshake = createUpgrade(["a", "b"], undefined, compression);
    const names = ["Sec-WebSocket-Version", "Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"];
    const rawHeaders = names.flatMap((name) => [name.toLowerCase(), handshake.headers[name] ?? ""]);
    const agreement = acceptExtendedConnect(rawHeaders, { compression, chooseProtocol: () => "b" });
    if (!agreement.isAccepted) throw new Error(agreement.message);
    const answer = Object.entries(agreement.headers).flatMap(([name, value]) => [name.toLowerCase(), value]);
    const result = checkConnectResponse(handshake, { status: 200, rawHeaders: answer });
    expect(result).toMatchObject({ isAccepted: true, protocol: "b", deflate: agreement.deflate });
  });
});

describe("client's check of the answer to an extended CONNECT (RFC 8441 §5)", () => {
  const handshake = createUpgrade(["a", "b"]);
  const check = (status: number, rawHeaders: string[] = []) =>
    checkConnectResponse(handshake, { status, rawHeaders });

  it("takes 200 and nothing else", () => {
    expect(check(200)).toMatchObject({ isAccepted: true, protocol: "", extensions: "" });
    for (const status of [101, 201, 204, 400, 404, 500])
      expect(check(status)).toMatchObject({ isAccepted: false });
  });

  it("takes a subprotocol that it offered, once", () => {
    expect(check(200, ["sec-websocket-protocol", "b"])).toMatchObject({ isAccepted: true, protocol: "b" });
    for (const rawHeaders of [
      ["sec-websocket-protocol", "c"],
      ["sec-websocket-protocol", "a, b"],
      ["sec-websocket-protocol", "a", "sec-websocket-protocol", "b"],
    ])
      expect(check(200, rawHeaders)).toMatchObject({ isAccepted: false });
  });
});
