/** The codec against another implementation of Protobuf (protobufjs), and against the JSON codec, which says the same in text. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Encoded } from "../../src/wire/codec.js";
import { jsonCodec } from "../../src/wire/json-codec.js";
import type {
  ClientInfo,
  Command,
  Publication,
  Push,
  Reply,
  SubscribeResult,
} from "../../src/wire/messages.js";
import { protobufCodec } from "../../src/wire/protobuf-codec.js";
import { fieldsOf, paramsOf } from "../support/fuzz/fields.js";
import { fuzzSeed } from "../support/fuzz/seed.js";
import {
  decodeDelimited,
  encodeDelimited,
  encodeMessage,
  type Fields,
  type MessageName,
} from "../support/protobuf-oracle.js";

const check = { seed: fuzzSeed(), numRuns: 400 };

const text = fc.string({ unit: "grapheme", maxLength: 80 });
/** Of entries of maps, which the other implementation writes even if they are empty. */
const name = text.filter((each) => each !== "__proto__" && each !== "");
const json = fc.json({ maxDepth: 2, stringUnit: "grapheme" });
const count = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const small = fc.oneof(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }));
const tags = fc.dictionary(name, name, { maxKeys: 3, noNullPrototype: true });

function optional<T extends object, K extends keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  required: readonly K[],
) {
  return fc.record(model, {
    requiredKeys: [...required] as never,
    noNullPrototype: true,
  }) as unknown as fc.Arbitrary<T>;
}

const info = optional<ClientInfo, "user" | "client">(
  { user: text, client: text, connInfo: json, chanInfo: json } as never,
  ["user", "client"],
);
const publication = optional<Publication, "offset" | "data" | "time">(
  {
    offset: count,
    data: json,
    time: count,
    info,
    tags,
    key: text,
    isRemoved: fc.constant(true),
    score: fc.maxSafeInteger(),
  } as never,
  ["offset", "data", "time"],
);
const position = fc.record({ epoch: text, offset: count });
const map = optional<NonNullable<SubscribeResult["map"]>, "phase" | "state">(
  {
    phase: fc.constantFrom("live", "stream", "state"),
    state: fc.array(publication, { maxLength: 3 }),
    cursor: text,
  } as never,
  ["phase", "state"],
);
const subscribed = optional<SubscribeResult, "position">(
  {
    recoverable: fc.boolean(),
    positioned: fc.boolean(),
    position,
    publications: fc.array(publication, { maxLength: 4 }),
    recovered: fc.boolean(),
    wasRecovering: fc.boolean(),
    ttl: small,
    data: json,
    isDelta: fc.boolean(),
    map,
  } as never,
  ["recoverable", "positioned", "position", "publications", "recovered", "wasRecovering"] as never,
);
const connected = optional(
  {
    client: text,
    version: text,
    ping: small,
    pong: fc.boolean(),
    session: text,
    node: text,
    ttl: small,
    data: json,
    subs: fc.array(fc.tuple(name, subscribed), { maxLength: 2 }).map((each) => new Map(each)),
  },
  ["client", "version", "ping", "pong"],
);
const id = fc.integer({ min: 1, max: 0xffff_ffff });
const results: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  connect: connected,
  subscribe: subscribed,
  unsubscribe: fc.constant(undefined),
  publish: fc.option(
    optional({ position, isDuplicate: fc.boolean(), suppressed: text }, ["position", "isDuplicate"]),
    { nil: undefined },
  ),
  presence: fc
    .uniqueArray(info, { maxLength: 3, selector: ({ client }) => client })
    .map((all) => all.filter(({ client }) => client !== "__proto__" && client !== "")),
  presence_stats: fc.record({ numClients: small, numUsers: small }),
  history: fc.record({ publications: fc.array(publication, { maxLength: 4 }), position }),
  rpc: json,
  refresh: optional({ client: text, version: text, ttl: small }, ["client", "version"]),
  sub_refresh: optional({ ttl: small }, []),
};
const error = fc.record({ code: small, message: text, isTemporary: fc.boolean() });
const reply = fc.oneof(
  fc.record({ id, error }),
  ...Object.entries(results).map(([method, result]) =>
    fc.record({ id, method: fc.constant(method), result }),
  ),
) as unknown as fc.Arbitrary<Reply>;
const channel = text;
const push = fc.oneof(
  fc.record({ kind: fc.constant("pub"), channel, publication, epoch: text }),
  fc.record({ kind: fc.constantFrom("join", "leave"), channel, info }),
  fc.record({ kind: fc.constant("unsubscribe"), channel, code: small, reason: text }),
  optional(
    {
      kind: fc.constant("subscribe"),
      channel,
      recoverable: fc.boolean(),
      positioned: fc.boolean(),
      position,
      data: json,
    },
    ["kind", "channel", "recoverable", "positioned", "position"],
  ),
  fc.record({ kind: fc.constant("message"), data: json }),
  fc.record({ kind: fc.constant("connect"), result: connected }),
  fc.record({ kind: fc.constant("disconnect"), code: small, reason: text }),
) as unknown as fc.Arbitrary<Push>;

/** Both say nothing of what is zero, empty or false, but JSON not of all of it. Bytes are JSON. */
function withoutEmpty(value: unknown): unknown {
  if (value instanceof Uint8Array) return withoutEmpty(JSON.parse(Buffer.from(value).toString()));
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value === null ? undefined : value;
  const entries = Object.entries(value)
    .map(([key, each]) => [key, withoutEmpty(each)] as const)
    .filter(([, each]) => !isEmpty(each));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return !value;
}

function expectSame(message: MessageName, bytes: Encoded, said: Encoded): void {
  const decoded = decodeDelimited(message, bytes as Uint8Array);
  expect(decoded).toHaveLength(1);
  expect(withoutEmpty(decoded[0])).toEqual(withoutEmpty(JSON.parse(said as string)));
  expect(Buffer.from(encodeDelimited(message, decoded[0] as Fields)).equals(bytes as Uint8Array)).toBe(true);
}

describe("messages of the server", () => {
  it("are read by another implementation as JSON has them, and written by it in the same bytes: replies", () => {
    fc.assert(
      fc.property(reply, (each) =>
        expectSame("Reply", protobufCodec.encodeReply(each), jsonCodec.encodeReply(each)),
      ),
      check,
    );
  });

  it("are read by another implementation as JSON has them, and written by it in the same bytes: pushes", () => {
    fc.assert(
      fc.property(push, (each) => {
        expectSame("Reply", protobufCodec.encodePush(each), jsonCodec.encodePush(each));
        expectSame("Push", protobufCodec.oneWay.encodePush(each), jsonCodec.oneWay.encodePush(each));
      }),
      check,
    );
  });

  it("are joined into one frame", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(reply, fc.constant(undefined)), { minLength: 1, maxLength: 5 }),
        (replies) => {
          const messages = replies.map((each) =>
            each ? protobufCodec.encodeReply(each) : protobufCodec.encodePing(),
          );
          const decoded = decodeDelimited("Reply", protobufCodec.join(messages) as Uint8Array);
          expect(decoded.map((each) => each.id ?? 0)).toEqual(replies.map((each) => each?.id ?? 0));
        },
      ),
      check,
    );
  });
});

/** Parameters whose types Protobuf can carry: others are no Protobuf at all. */
const typesOf: Readonly<Record<string, RegExp>> = {
  string: /^(channel|token|epoch|delta|cursor|key|idempotency_key|method|name|version)$/,
  boolean: /^(recover|positioned|recoverable|join_leave|asc|removed|reverse)$/,
  number: /^(offset|flag|type|phase|limit)$/,
};
const maxInt32 = 0x7fff_ffff;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasPlainTypes(params: Fields): boolean {
  return Object.entries(params).every(([key, value]) => {
    if (key === "data") return true;
    if (typeof value === "number" && (!Number.isSafeInteger(value) || Math.abs(value) > maxInt32))
      return false;
    if (typeof value === "number" && value < 0 && key === "offset") return false;
    if (typeof value === "string" && (value === "" || /\p{Surrogate}/u.test(value))) return false;
    if (key === "since") return typeof value === "object" && value !== null && hasPlainTypes(value);
    return typesOf[typeof value]?.test(key) ?? false;
  });
}

const tokens = fc.constantFrom("token", "other");
const commands = fc.oneof(
  ...Object.entries(fieldsOf(tokens)).map(([method, fields]) => {
    const { tf: _, tags: __, ...plain } = fields;
    return fc
      .record({ id: fc.integer({ min: 1, max: 0xffff_ffff }), params: paramsOf(plain, 1000) })
      .filter(({ params }) => isObject(params) && hasPlainTypes(params) && params.data !== null)
      .map((each) => ({ method, ...each, params: each.params as Fields }));
  }),
);

/** As a Protobuf client sends it, with JSON as its data. */
function toMessage({
  id: number,
  method,
  params,
}: {
  readonly id: number;
  readonly method: string;
  readonly params: Fields;
}): Fields {
  const data = "data" in params && { data: Buffer.from(JSON.stringify(params.data)) };
  return { id: number, [method]: { ...params, ...data } };
}

/** Payloads of the JSON codec are text, those of Protobuf bytes. */
function withText(command: Command): unknown {
  const toText = (data: unknown) => (data instanceof Uint8Array ? Buffer.from(data).toString() : data);
  if (!("params" in command)) return "data" in command ? { ...command, data: toText(command.data) } : command;
  const params = command.params as Fields;
  return { ...command, params: "data" in params ? { ...params, data: toText(params.data) } : params };
}

describe("messages of clients", () => {
  it("mean what the same commands mean in JSON", () => {
    fc.assert(
      fc.property(fc.array(commands, { minLength: 1, maxLength: 4 }), (all) => {
        const lines = all.map((each) => JSON.stringify({ id: each.id, [each.method]: each.params }));
        const frame = encodeDelimited("Command", ...all.map(toMessage));
        expect(protobufCodec.decode(frame).commands.map(withText)).toEqual(
          jsonCodec.decode(lines.join("\n")).commands,
        );
      }),
      check,
    );
  });

  it("may be parameters of a connect command alone", () => {
    const params = {
      token: "t",
      headers: { "X-A": "b", "X-B": "" },
      subs: { news: { recover: true, epoch: "e", offset: 3 } },
    };
    const bytes = encodeMessage("ConnectRequest", { ...params, data: Buffer.from("[1]") });
    const expected = jsonCodec.decodeConnect(JSON.stringify({ ...params, data: [1] }));
    expect(protobufCodec.decodeConnect(bytes)).toEqual(expected);
    expect(expected).toMatchObject({ data: "[1]", headers: { "x-a": "b", "x-b": "" } });
  });

  it("may be filters, with the bounds that they have in JSON", () => {
    const leaf = { key: "lang", cmp: "in", vals: ["de", "en"] };
    const nested = (levels: number): object =>
      levels === 1 ? leaf : { op: "not", nodes: [nested(levels - 1)] };
    for (const tf of [
      leaf,
      nested(8),
      nested(9),
      { op: "or", nodes: [leaf, nested(3)] },
      { key: "a", cmp: "like" },
    ]) {
      const command = { id: 1, subscribe: { channel: "news", tf } };
      const decoded = protobufCodec.decode(encodeDelimited("Command", command)).commands;
      expect(JSON.stringify(decoded)).toBe(
        JSON.stringify(jsonCodec.decode(JSON.stringify(command)).commands),
      );
    }
    expect(
      protobufCodec.decode(encodeDelimited("Command", { id: 1, subscribe: { tf: nested(20) } })).fault,
    ).toBe("invalid Protobuf: a message is nested deeper than 16 levels");
  });

  it("may be anything, and are decoded or at fault", () => {
    const mutated = fc
      .tuple(
        fc.array(commands, { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
      )
      .map(([all, changes]) => {
        const frame = Buffer.from(encodeDelimited("Command", ...all.map(toMessage)));
        for (const [at, byte] of changes) frame[at % frame.length] = byte;
        return frame;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), mutated), (frame) => {
        const { commands: found, fault } = protobufCodec.decode(frame);
        expect(found.length > 0 || fault !== undefined).toBe(true);
        const params = protobufCodec.decodeConnect(frame);
        expect(["string", "object"]).toContain(typeof params);
        protobufCodec.decodeEnvelope(frame);
      }),
      { ...check, numRuns: 2000 },
    );
  });
});
