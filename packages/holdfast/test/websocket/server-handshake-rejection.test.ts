/** What the server refuses, in the order of RFC 6455 §4.2.1, and the response it does that with. */
import { describe, expect, it } from "vitest";
import { parseResponse, valuesOf } from "../../../../test/conformance/websocket/support/http-head.js";
import {
  expectRejection,
  headerOf,
  requestWith,
} from "../../../../test/conformance/websocket/support/opening-handshake.js";
import { acceptUpgrade, type Rejection, reject, rejectionResponse } from "../../src/websocket/index.js";

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
