import { describe, expect, it } from "vitest";
import { readMessage } from "../../chat/model/message.js";

const info = { user: "u1", client: "c1", connInfo: { name: "Ann" } };

describe("reading a publication as a message", () => {
  it("takes the text, id, time and author of a chat message", () => {
    const data = { id: "m1", text: "hello", sentAt: 1_700_000_000_000 };
    expect(readMessage({ data, info })).toEqual({
      id: "m1",
      author: { user: "u1", name: "Ann" },
      text: "hello",
      format: "text",
      sentAt: 1_700_000_000_000,
    });
  });

  it("takes text without author, id and time as from the command line", () => {
    expect(readMessage({ data: { text: "hi" } })).toEqual({
      id: undefined,
      author: { user: "", name: "someone via the command line" },
      text: "hi",
      format: "text",
      sentAt: undefined,
    });
  });

  it("takes a client that says nothing of itself as the command line", () => {
    const { author } = readMessage({ data: "hi", info: { user: "", client: "c1" } });
    expect(author.name).toBe("someone via the command line");
  });

  it("names a user without a name by the user id", () => {
    expect(readMessage({ data: "hi", info: { user: "abcdef", client: "c1" } }).author.name).toBe(
      "guest abcd",
    );
  });

  it.each([
    ["a string", "hi", "hi", "text"],
    ["a number", 42, "42", "text"],
    ["a boolean", false, "false", "text"],
    ["null", null, "null", "json"],
    ["undefined", undefined, "null", "json"],
    ["a list", [1], "[\n  1\n]", "json"],
    ["an object", { a: 1 }, '{\n  "a": 1\n}', "json"],
    ["an object with a text that is none", { text: 7 }, '{\n  "text": 7\n}', "json"],
  ])("shows %s as what it is", (_kind, data, text, format) => {
    expect(readMessage({ data, info })).toMatchObject({ text, format, id: undefined });
  });

  it.each([Number.NaN, 5, 1e20, "yesterday", {}])("does not believe the time %s", (sentAt) => {
    expect(readMessage({ data: { text: "hi", sentAt } }).sentAt).toBeUndefined();
  });

  it("reads a time given as text", () => {
    expect(readMessage({ data: { text: "hi", sentAt: "2024-01-02T03:04:05Z" } }).sentAt).toBe(
      Date.UTC(2024, 0, 2, 3, 4, 5),
    );
  });
});
