import { describe, expect, it } from "vitest";
import { jsonCodec } from "../../src/wire/json-codec.js";
import type { Command } from "../../src/wire/messages.js";

/** The one command of a frame. */
function decodeOne(value: unknown): Command {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const { commands, fault } = jsonCodec.decode(text);
  if (fault !== undefined) throw new Error(fault);
  expect(commands).toHaveLength(1);
  return commands[0] as Command;
}

function faultOf(value: unknown): string | undefined {
  const { commands, fault } = jsonCodec.decode(typeof value === "string" ? value : JSON.stringify(value));
  expect(commands).toEqual([]);
  return fault;
}

describe("command id", () => {
  it.each([1, 2, 4_294_967_295])("may be %d", (id) => {
    expect(decodeOne({ id, refresh: {} })).toEqual({ id, method: "refresh", params: { token: "" } });
  });

  it.each([-1, 1.5, 4_294_967_296, 1e20, "1", true, [1], {}])("can't be %j with a method", (id) => {
    expect(faultOf({ id, refresh: {} })).toBe("the id of a command must be an integer from 1 to 4294967295");
  });

  it("can't be 0 or left out with a method that wants a reply", () => {
    expect(faultOf({ id: 0, connect: {} })).toContain("id");
    expect(faultOf({ connect: {} })).toContain("id");
  });

  it("is not wanted for send", () => {
    expect(decodeOne({ send: { data: {} } })).toEqual({ method: "send", data: "{}" });
    expect(decodeOne({ id: 7, send: {} })).toEqual({ method: "send", data: "null" });
  });
});

describe("command without a method", () => {
  it("is a pong when it is empty or has the id 0", () => {
    expect(decodeOne("{}")).toEqual({ method: "pong" });
    expect(decodeOne({ id: 0 })).toEqual({ method: "pong" });
  });

  it("is at fault when it has an id", () => {
    expect(faultOf({ id: 5 })).toBe("the command has no method");
    expect(faultOf({ id: null })).toBe("the command has no method");
  });

  it("is at fault when it names an unknown one, and says which", () => {
    expect(faultOf({ id: 5, dance: {} })).toBe('unknown command "dance"');
    expect(faultOf({ id: 5, Connect: {} })).toBe('unknown command "Connect"');
    expect(faultOf({ id: 5, ["x".repeat(1000)]: {} })?.length).toBeLessThan(100);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "prototype"])(
    "is at fault for %s, as for any other unknown one",
    (name) => {
      expect(faultOf(`{"id":5,${JSON.stringify(name)}:{}}`)).toBe(`unknown command "${name}"`);
    },
  );
});

describe("command with several methods", () => {
  const order = [
    "connect",
    "ping",
    "subscribe",
    "unsubscribe",
    "publish",
    "presence",
    "presence_stats",
    "history",
    "rpc",
    "send",
    "refresh",
    "sub_refresh",
  ];

  it.each(order.slice(0, -1).map((name, index) => [name, order[index + 1] as string]))(
    "is %s rather than %s, wherever they stand",
    (first, second) => {
      const one = `"${first}":{"channel":"c","data":1}`;
      const two = `"${second}":{"channel":"c","data":1}`;
      expect(decodeOne(`{"id":1,${one},${two}}`).method).toBe(first);
      expect(decodeOne(`{"id":1,${two},${one}}`).method).toBe(first);
    },
  );

  it("is the one that is not null", () => {
    expect(decodeOne({ id: 1, connect: null, refresh: {} })).toMatchObject({ method: "refresh" });
  });
});

describe("parameters", () => {
  it("of connect", () => {
    expect(decodeOne({ id: 1, connect: { token: "t", data: { a: [1] }, name: "js", version: "5" } })).toEqual(
      {
        id: 1,
        method: "connect",
        params: { token: "t", data: '{"a":[1]}', name: "js", version: "5" },
      },
    );
  });

  it("of subscribe, with what is left out as none", () => {
    expect(decodeOne({ id: 1, subscribe: { channel: "c" } })).toEqual({
      id: 1,
      method: "subscribe",
      params: {
        channel: "c",
        recover: false,
        epoch: "",
        offset: 0,
        positioned: false,
        recoverable: false,
        joinLeave: false,
        wantsDelta: false,
        flag: 0,
      },
    });
  });

  it("of subscribe, all of them", () => {
    const given = {
      channel: "c",
      token: "t",
      recover: true,
      epoch: "e",
      offset: 7,
      positioned: true,
      recoverable: true,
      join_leave: true,
      flag: 3,
      delta: "fossil",
      data: { a: 1 },
    };
    const { join_leave: joinLeave, delta, data, ...rest } = given;
    expect(decodeOne({ id: 1, subscribe: given })).toEqual({
      id: 1,
      method: "subscribe",
      params: { ...rest, joinLeave, wantsDelta: true, data: '{"a":1}' },
    });
  });

  it("of history", () => {
    expect(decodeOne({ id: 1, history: { channel: "c" } })).toMatchObject({
      params: { channel: "c", limit: 0, reverse: false },
    });
    expect(
      decodeOne({
        id: 1,
        history: { channel: "c", limit: -1, since: { offset: 3, epoch: "e" }, reverse: true },
      }),
    ).toMatchObject({
      params: { channel: "c", limit: -1, since: { offset: 3, epoch: "e" }, reverse: true },
    });
    expect(decodeOne({ id: 1, history: { channel: "c", since: {} } })).toMatchObject({
      params: { since: { offset: 0, epoch: "" } },
    });
  });

  it.each([
    [{ text: "naïve 🚀\n" }, '{"text":"naïve 🚀\\n"}'],
    ["text", '"text"'],
    [0, "0"],
    [false, "false"],
    [null, "null"],
    [[], "[]"],
  ])("of publish, with %j as one JSON text without line breaks", (data, text) => {
    expect(decodeOne({ id: 1, publish: { channel: "c", data } })).toEqual({
      id: 1,
      method: "publish",
      params: { channel: "c", data: text, isForMap: false },
    });
  });

  it("keep a key named __proto__ in payloads", () => {
    const command = decodeOne('{"id":1,"publish":{"channel":"c","data":{"__proto__":{"a":1}}}}');
    expect(command).toMatchObject({ params: { data: '{"__proto__":{"a":1}}' } });
    expect(({} as { a?: number }).a).toBeUndefined();
  });

  it("may be null where they may be left out", () => {
    const command = decodeOne({
      id: 1,
      subscribe: { channel: "c", token: null, recover: null, epoch: null, offset: null, flag: null },
    });
    expect(command).toMatchObject({ params: { recover: false, epoch: "", offset: 0, flag: 0 } });
  });

  it("that are not known are passed over", () => {
    const command = decodeOne(
      '{"id":1,"future":1,"unsubscribe":{"channel":"c","tf":{"op":"and"},"delta":5,"__proto__":{"x":1}}}',
    );
    expect(command).toEqual({ id: 1, method: "unsubscribe", params: { channel: "c" } });
  });

  it("are not taken from __proto__", () => {
    const command = decodeOne('{"id":1,"unsubscribe":{"__proto__":{"channel":"c"}}}');
    expect(command).toEqual({ id: 1, method: "unsubscribe", params: { channel: "" } });
  });

  it("of ping are not looked at", () => {
    expect(decodeOne({ id: 1, ping: { data: 1, method: 5 } })).toEqual({ id: 1, method: "ping", params: {} });
  });

  it("of refresh and sub_refresh", () => {
    expect(decodeOne({ id: 1, refresh: { token: "t" } })).toMatchObject({ params: { token: "t" } });
    expect(decodeOne({ id: 1, sub_refresh: { channel: "c", token: "t" } })).toMatchObject({
      params: { channel: "c", token: "t" },
    });
  });

  it("of connect that name subscriptions of the server's", () => {
    const subs = { news: { recover: true, epoch: "e", offset: 3 }, empty: {} };
    const { params } = decodeOne({ id: 1, connect: { subs, headers: { Cookie: "a=b" } } }) as {
      params: { subs: ReadonlyMap<string, unknown>; headers: object };
    };
    expect([...params.subs]).toEqual([
      ["news", { recover: true, epoch: "e", offset: 3 }],
      ["empty", { recover: false, epoch: "", offset: 0 }],
    ]);
    expect(params.headers).toEqual({ cookie: "a=b" });
  });
});

describe("parameter of a wrong type", () => {
  const strings = [1, true, {}, []];
  const booleans = [0, 1, "true", {}];
  const integers = ["1", 1.5, -5, true, {}, 1e300];
  const cases: readonly [method: string, field: string, values: readonly unknown[]][] = [
    ["connect", "token", strings],
    ["connect", "name", strings],
    ["connect", "version", strings],
    ["subscribe", "channel", strings],
    ["subscribe", "token", strings],
    ["subscribe", "recover", booleans],
    ["subscribe", "epoch", strings],
    ["subscribe", "offset", integers],
    ["subscribe", "positioned", booleans],
    ["subscribe", "recoverable", booleans],
    ["subscribe", "join_leave", booleans],
    ["subscribe", "flag", integers],
    ["unsubscribe", "channel", strings],
    ["publish", "channel", strings],
    ["presence", "channel", strings],
    ["presence_stats", "channel", strings],
    ["history", "channel", strings],
    ["history", "limit", integers],
    ["history", "reverse", booleans],
    ["history", "since", [1, "e", true, []]],
  ];

  it.each(cases)("is named: %s.%s", (method, field, values) => {
    for (const value of values) {
      const command = decodeOne({ id: 9, [method]: { channel: "c", data: 1, [field]: value } });
      expect(command).toMatchObject({ method: "invalid", id: 9 });
      expect(command).toMatchObject({
        message: expect.stringMatching(new RegExp(`^${method}\\.${field} must be`)),
      });
    }
  });

  it("is named within since", () => {
    for (const since of [{ offset: "1" }, { offset: -1 }, { epoch: 1 }])
      expect(decodeOne({ id: 9, history: { channel: "c", since } })).toMatchObject({
        method: "invalid",
        message: expect.stringContaining(Object.keys(since)[0] as string),
      });
  });

  it("is the parameters themselves", () => {
    for (const params of [1, "x", true, []])
      expect(decodeOne({ id: 9, subscribe: params })).toEqual({
        method: "invalid",
        id: 9,
        message: "subscribe must be an object",
      });
  });

  it("is data that is missing from publish", () => {
    expect(decodeOne({ id: 9, publish: { channel: "c" } })).toMatchObject({
      method: "invalid",
      id: 9,
      message: expect.stringContaining("publish.data"),
    });
  });

  it("does not take the rest of the frame with it", () => {
    const { commands, fault } = jsonCodec.decode('{"id":1,"subscribe":{"channel":5}}\n{"id":2,"refresh":{}}');
    expect(fault).toBeUndefined();
    expect(commands.map(({ method }) => method)).toEqual(["invalid", "refresh"]);
  });
});
