/** The small parts of the model: searches, addresses, questions, options, numbers. */
import { describe, expect, it } from "vitest";
import { toChannelList, toPattern } from "../../model/channels.js";
import { findConcerns } from "../../model/concerns.js";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatMs,
  formatValue,
  previewOf,
} from "../../model/format.js";
import { Pages } from "../../model/pages.js";
import { parseData } from "../../model/parse-data.js";
import { linkTo, parsePlace } from "../../model/place.js";
import { groupSettings } from "../../model/settings.js";
import { emptyQuestion, paramsOf } from "../../model/why.js";

describe("a search", () => {
  it.each([
    ["", undefined],
    ["  ", undefined],
    ["lobby", "*lobby*"],
    ["chat:*", "chat:*"],
    ["room-?", "room-?"],
  ])("for %j has the pattern %j", (text, pattern) => {
    expect(toPattern(text)).toBe(pattern);
  });
});

describe("a list of channels", () => {
  it("has rates from the second look on, within an epoch", () => {
    const look = (offset: number, epoch = "e") => ({ channels: { a: { num_clients: 2, epoch, offset } } });
    const first = toChannelList(look(10), 1000, undefined);
    expect(first.channels).toEqual([{ name: "a", readers: 2, offset: 10, epoch: "e", rate: undefined }]);
    expect(toChannelList(look(30), 5000, first).channels[0]?.rate).toBe(5);
    expect(toChannelList(look(3, "f"), 5000, first).channels[0]?.rate).toBeUndefined();
    expect(
      toChannelList({ channels: { a: { num_clients: 2 } } }, 5000, first).channels[0]?.rate,
    ).toBeUndefined();
  });
});

describe("an address", () => {
  it.each([
    ["channel", "chat:a/b?c#d %", {}],
    ["why", "", { channel: "a&b", user: "ann" }],
    ["overview", "", {}],
  ] as const)("leads back to %s %s", (view, name, query) => {
    expect(parsePlace(linkTo(view, name, query))).toEqual({ view, name, query });
  });

  it.each(["", "#", "#/nowhere", "#/channel/", "#/channel"])("%j is the overview", (hash) => {
    expect(parsePlace(hash).view).toBe("overview");
  });

  it("leaves out what is empty, and survives a broken encoding", () => {
    expect(linkTo("channels", "", { search: "", x: undefined })).toBe("#/channels");
    expect(parsePlace("#/channel/%E0%A4%A").name).toBe("%E0%A4%A");
  });
});

describe("pages", () => {
  it("go forth and back, and never before the first", () => {
    const pages = new Pages();
    pages.forth("m");
    pages.forth("z");
    expect([pages.number, pages.after]).toEqual([3, "z"]);
    pages.back();
    expect(pages.after).toBe("m");
    pages.back();
    pages.back();
    expect([pages.number, pages.after]).toEqual([1, undefined]);
    pages.forth("m");
    pages.reset();
    expect(pages.number).toBe(1);
  });
});

describe("a question", () => {
  it("has what was filled in", () => {
    const question = { ...emptyQuestion, channel: " chat:lobby ", user: "ann", offset: "1,017" };
    expect(paramsOf(question)).toEqual({ channel: "chat:lobby", user: "ann", offset: 1017 });
    expect(
      paramsOf({ ...emptyQuestion, channel: "c", idempotency_key: "k", epoch: "e", client: "x" }),
    ).toEqual({
      channel: "c",
      user: "",
      idempotency_key: "k",
      epoch: "e",
      client: "x",
    });
  });

  it.each([
    [{ channel: " " }, "Name a channel."],
    [{ channel: "c", offset: "0" }, "The offset must be a number of at least 1."],
    [{ channel: "c", offset: "1.5" }, "The offset must be a number of at least 1."],
  ])("with %j is not asked", (given, said) => {
    expect(paramsOf({ ...emptyQuestion, ...given })).toBe(said);
  });
});

describe("data", () => {
  it("is JSON, and says what is wrong with it otherwise", () => {
    expect(parseData('{"a":1}')).toEqual({ data: { a: 1 } });
    expect(parseData(" ")).toEqual({ fault: expect.stringMatching(/^Type JSON/) });
    expect(parseData("hello")).toEqual({ fault: expect.stringMatching(/A text needs quotation marks/) });
  });
});

describe("options", () => {
  const setting = (option: string, is_default: boolean, section = "Data") => ({
    ...{ option, section, is_default, value: 1, doc: `about ${option}` },
  });
  const all = [setting("port", false, "Address"), setting("data", true), setting("store.maxBytes", false)];

  it("are found by words, and grouped by their section", () => {
    const found = (search: string, isChanged = false) =>
      groupSettings(all, search, isChanged).map(([name, each]) => [name, each.map(({ option }) => option)]);
    expect(found("")).toEqual([
      ["Address", ["port"]],
      ["Data", ["data", "store.maxBytes"]],
    ]);
    expect(found("STORE about")).toEqual([["Data", ["store.maxBytes"]]]);
    expect(found("", true)).toEqual([
      ["Address", ["port"]],
      ["Data", ["store.maxBytes"]],
    ]);
    expect(found("nothing of the kind")).toEqual([]);
  });
});

describe("concerns", () => {
  const health = { broker: "lmdb", broker_up: true, errors: 0, held_bytes: 0 };
  const node = (name: string, more: object = {}, version = "1") =>
    ({ uid: name, name, version, health: { ...health, ...more } }) as never;

  it("are silent nodes, lost brokers, slow clients, errors, and nodes of several versions", () => {
    expect(findConcerns({ nodes: [node("a")] })).toEqual([]);
    const silent = [{ uid: "c", name: "c", version: "1" }];
    const nodes = [node("a", { broker_up: false, held_bytes: 2048, errors: 3 }), node("b", {}, "2")];
    expect(findConcerns({ nodes, silent })).toEqual([
      "Node c does not answer.",
      "a cannot reach its broker (lmdb): nothing can be published.",
      "a holds 2 KiB for slow connections.",
      "a has logged 3 errors since it started.",
      "The nodes have different versions: 1, 2.",
    ]);
  });
});

describe("numbers", () => {
  it.each([
    [0, "0"],
    [0.44, "0.4"],
    [12.4, "12"],
    [1234, "1,234"],
    [12_345, "12.3k"],
    [999_990, "1M"],
    [2_500_000_000, "2.5G"],
  ])("%d is %s", (value, text) => expect(formatCount(value)).toBe(text));

  it.each([
    [0, "0 B"],
    [1536, "1.5 KiB"],
    [64 * 1024 * 1024, "64 MiB"],
  ])("%d bytes are %s", (value, text) => expect(formatBytes(value)).toBe(text));

  it.each([
    [0.2, "0 s"],
    [65, "1 min 5 s"],
    [3600, "1 h"],
    [90_061, "1 d 1 h"],
  ])("%d seconds are %s", (value, text) => expect(formatDuration(value)).toBe(text));

  it.each([
    [0, "0 ms"],
    [0.123, "0.12 ms"],
    [42.4, "42 ms"],
    [25_000, "25 s"],
  ])("%d milliseconds are %s", (value, text) => expect(formatMs(value)).toBe(text));

  it.each([
    ["maxMessageBytes", 65_536, "64 KiB"],
    ["pingIntervalMs", 25_000, "25 s"],
    ["http2", true, "on"],
    ["adminPort", null, "none"],
    ["port", 18_000, "18000"],
    ["trustedProxies", [], "none"],
    ["apiKeys", [{ key: "********", name: "ops", scope: "admin" }], "ops (admin)"],
    ["maxConnections", 50_000, "50,000"],
  ])("option %s of %j is shown as %s", (option, value, text) => {
    expect(formatValue(option, value)).toBe(text);
  });

  it("data is shown in one line, clipped", () => {
    expect(previewOf({ a: [1, "x"] })).toBe('{"a":[1,"x"]}');
    expect(previewOf("y".repeat(500))).toHaveLength(161);
  });
});
