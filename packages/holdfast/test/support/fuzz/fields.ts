/** Arbitrary parameters of the client protocol's commands, from ones that an SDK could send to ones that nobody should. */
import fc from "fast-check";
import { anyJson, number, oddText, rarely, tagsFilter, tooDeep } from "./values.js";

export type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

const maps = ["map", "map", "passing", "scored", "who", "users"];
const kinds = ["open", "forced", "short", "cached", "none", "live", "latest", "plain", "shut", ...maps];
const words = ["a", "broken", "refused", "hangs", "strange", "slow"];

export const channels = [
  ...kinds.flatMap((kind) => [`${kind}:a`, `${kind}:b`]),
  ...words.flatMap((word) => [`chat:${word}`, `asked:${word}`]),
  "inbox:ann",
  "unheard-of",
];

const channel = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom(...channels) },
  // Not empty: that ends the connection, which other values do often enough.
  { weight: 2, arbitrary: oddText.filter((text) => text !== "") },
);
const word = fc.constantFrom<unknown>(...words, { text: "hello" }, { text: "broken" }, { text: "hangs" });
const data = fc.oneof(word, anyJson, fc.constant({ text: "y".repeat(3000) }));
const epoch = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom("", "epoch-1", "_") },
  { weight: 1, arbitrary: oddText },
);
const position = { epoch, offset: number };
const place = fc.record({ recover: fc.boolean(), ...position }, { requiredKeys: [], noNullPrototype: true });

/** What commands consist of. `tokens` are those that mean something to the server. */
export function fieldsOf(token: fc.Arbitrary<string>): Readonly<Record<string, Fields>> {
  return {
    subscribe: {
      channel,
      token: rarely(token),
      data,
      recover: fc.boolean(),
      ...position,
      positioned: fc.boolean(),
      recoverable: fc.boolean(),
      join_leave: fc.boolean(),
      delta: fc.constantFrom("fossil", "other"),
      tf: rarely(tagsFilter),
      flag: number,
      type: rarely(fc.constantFrom(0, 1, 1, 1, 2, 3, 4), 3),
      phase: fc.constantFrom(0, 1, 1, 2, 2, 2, 3),
      cursor: rarely(fc.oneof(fc.constant("0:k"), oddText)),
      limit: number,
      asc: fc.boolean(),
    },
    unsubscribe: { channel },
    publish: {
      channel,
      data,
      key: rarely(fc.oneof(fc.constantFrom("k", "broken", "hangs"), oddText), 3),
      idempotency_key: rarely(fc.oneof(fc.constantFrom("one", "two"), oddText)),
      type: rarely(fc.constantFrom(0, 1, 1, 1), 3),
      removed: rarely(fc.boolean(), 2),
      tags: rarely(anyJson),
    },
    presence: { channel },
    presence_stats: { channel },
    history: {
      channel,
      limit: number,
      since: rarely(fc.record(position, { requiredKeys: [], noNullPrototype: true }), 2),
      reverse: fc.boolean(),
    },
    ping: {},
    rpc: {
      method: fc.constantFrom(
        "echo",
        "add",
        "behave",
        "users",
        "holdfast.publish",
        "unheard-of",
        "__proto__",
      ),
      data: fc.oneof(
        word,
        fc.constant({ a: 1, b: 2 }),
        fc.record({ channel, data }, { noNullPrototype: true }),
        anyJson,
      ),
    },
    refresh: { token },
    sub_refresh: { channel, token, type: fc.constantFrom(0, 1, 2), track: anyJson, untrack: anyJson },
    send: { data },
  };
}

export const connectFields = (token: fc.Arbitrary<string>): Fields => ({
  token: rarely(token, 3),
  data: fc.oneof(fc.constantFrom<unknown>("channels", "channels", "channels", "refused", "other"), anyJson),
  name: oddText,
  version: oddText,
  headers: fc.dictionary(oddText, oddText, { maxKeys: 3, noNullPrototype: true }),
  subs: fc.dictionary(channel, place, { maxKeys: 5, noNullPrototype: true }),
  flag: number,
});

/** How often commands come, where it is not 10. Most tokens are no good for a connection that has another one. */
export const weights: Readonly<Record<string, number>> = {
  subscribe: 40,
  publish: 30,
  refresh: 1,
  sub_refresh: 1,
};

/** Fields that a command cannot do without to mean anything. */
const needed = ["channel", "data", "method"];

/** One in `oddity` fields is of any type, and so is one in `oddity` of all parameters. */
export function paramsOf(fields: Fields, oddity: number): fc.Arbitrary<unknown> {
  const odd = Object.entries(fields).map(
    ([name, good]) =>
      [
        name,
        fc.oneof(
          { weight: oddity * 40, arbitrary: good },
          { weight: 9, arbitrary: anyJson },
          { weight: 1, arbitrary: tooDeep },
        ),
      ] as const,
  );
  const requiredKeys = needed.filter((name) => name in fields);
  const good = fc.record(Object.fromEntries(odd), { requiredKeys, noNullPrototype: true });
  const more = fc
    .tuple(good, oddText, anyJson)
    .map(([params, name, value]) => ({ ...params, [name]: value }));
  return fc.oneof(
    { weight: oddity * 8, arbitrary: good },
    { weight: oddity, arbitrary: more },
    { weight: 1, arbitrary: anyJson },
  );
}
