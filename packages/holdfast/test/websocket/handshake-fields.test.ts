/** Fields of the opening handshake: header fields, tokens, and the key with its answer. */

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import {
  acceptValueFor,
  createWebSocketKey,
  fieldValues,
  hasToken,
  isToken,
  listMembers,
} from "../../src/websocket/handshake-fields.js";

const headers = ["Host", "a.example", "X-List", "a, B", "x-list", " c ,,", "X-LIST", "", "Odd"];

describe("fields by name (RFC 9110 §5)", () => {
  it("finds all values of a field, in order and without the spaces around them", () => {
    expect(fieldValues(headers, "x-list")).toEqual(["a, B", "c ,,", ""]);
    expect(fieldValues(headers, "host")).toEqual(["a.example"]);
  });

  it("finds nothing under a name that is a value, missing, or without a value", () => {
    for (const name of ["a.example", "accept", "odd", "x-lis", ""])
      expect(fieldValues(headers, name)).toEqual([]);
    expect(fieldValues([], "host")).toEqual([]);
  });
});

describe("lists (RFC 9110 §5.6.1)", () => {
  it("are joined over several fields, and empty members do not count", () => {
    expect(listMembers(headers, "x-list")).toEqual(["a", "B", "c"]);
    expect(listMembers(["L", ",, ,"], "l")).toEqual([]);
  });

  it("have a token in whatever case it is written", () => {
    for (const token of ["a", "b", "c"]) expect(hasToken(headers, "x-list", token)).toBe(true);
    for (const token of ["", "d", "a, b"]) expect(hasToken(headers, "x-list", token)).toBe(false);
  });
});

describe("tokens (RFC 9110 §5.6.2)", () => {
  it("are made of letters, digits and fifteen signs", () => {
    const allowed = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (let code = 0; code < 256; code++) {
      const character = String.fromCharCode(code);
      expect(isToken(character), JSON.stringify(character)).toBe(allowed.includes(character));
      expect(isToken(`a${character}b`)).toBe(allowed.includes(character));
    }
    expect(isToken("")).toBe(false);
    expect(isToken("chat\n")).toBe(false);
  });
});

describe("accept value (RFC 6455 §4.2.2, step 5.4)", () => {
  it("is the one of RFC 6455 §1.3 for its key", () => {
    expect(acceptValueFor("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("is the SHA-1 of the key and the GUID of the RFC, in base64", () => {
    const key = createWebSocketKey();
    const digest = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    expect(acceptValueFor(key)).toBe(digest);
  });
});
