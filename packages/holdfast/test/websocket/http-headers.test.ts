import { describe, expect, it } from "vitest";
import { hasToken, isToken, listMembers } from "../../src/websocket/http-headers.js";
import { fieldValues } from "../../src/websocket/index.js";

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
