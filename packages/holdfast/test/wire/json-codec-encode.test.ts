import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { disconnect, replyError } from "../../src/wire/codes.js";
import { jsonCodec } from "../../src/wire/json-codec.js";
import type { ClientInfo, Publication, Push, Reply, SubscribeResult } from "../../src/wire/messages.js";

const { encodePush, encodeReply } = jsonCodec;
const ann: ClientInfo = { user: "ann", client: "c-1" };

const fresh: SubscribeResult = {
  recoverable: true,
  positioned: true,
  position: { epoch: "e", offset: 0 },
  publications: [],
  recovered: false,
  wasRecovering: false,
};

function publication(part: Partial<Publication> = {}): Publication {
  return { offset: 7, data: '{"a":1}', time: 1_700_000_000_000, ...part };
}

function pub(part: Partial<Publication> = {}): Push {
  return { kind: "pub", channel: "news", publication: publication(part), epoch: "e" };
}

describe("reply to connect", () => {
  it("has client, version, ping and pong", () => {
    const result = { client: "c-1", version: "Holdfast 1", ping: 25, pong: true };
    expect(encodeReply({ id: 1, method: "connect", result })).toBe(
      '{"id":1,"connect":{"client":"c-1","version":"Holdfast 1","ping":25,"pong":true}}',
    );
  });

  it("leaves out a ping of 0 and a pong that is not wanted", () => {
    const result = { client: "c-1", version: "v", ping: 0, pong: false };
    expect(encodeReply({ id: 1, method: "connect", result })).toBe(
      '{"id":1,"connect":{"client":"c-1","version":"v"}}',
    );
  });
});

describe("reply to subscribe", () => {
  const encode = (part: Partial<SubscribeResult>) =>
    encodeReply({ id: 2, method: "subscribe", result: { ...fresh, ...part } });

  it("leaves out what is zero, empty or false", () => {
    expect(encode({})).toBe('{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"e"}}');
    expect(encode({ recoverable: false, positioned: false, position: { epoch: "", offset: 0 } })).toBe(
      '{"id":2,"subscribe":{}}',
    );
  });

  it("has the position", () => {
    expect(encode({ position: { epoch: "e", offset: 12 } })).toBe(
      '{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"e","offset":12}}',
    );
  });

  it("has what was recovered", () => {
    expect(
      encode({
        position: { epoch: "e", offset: 6 },
        publications: [publication(), publication({ offset: 8, data: "null" })],
        recovered: true,
        wasRecovering: true,
      }),
    ).toBe(
      '{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"e","offset":6,' +
        '"publications":[{"data":{"a":1},"offset":7},{"data":null,"offset":8}],' +
        '"recovered":true,"was_recovering":true}}',
    );
  });

  it("tells a recovery that failed from none", () => {
    expect(JSON.parse(String(encode({ wasRecovering: true }))).subscribe).toEqual({
      recoverable: true,
      positioned: true,
      epoch: "e",
      was_recovering: true,
    });
  });
});

describe("other replies", () => {
  it("to unsubscribe and publish are empty objects", () => {
    expect(encodeReply({ id: 3, method: "unsubscribe" })).toBe('{"id":3,"unsubscribe":{}}');
    expect(encodeReply({ id: 4, method: "publish" })).toBe('{"id":4,"publish":{}}');
  });

  it("to presence map client ids to infos, which always have user and client", () => {
    const result = [
      { user: "", client: "c-1" },
      { user: "bob", client: "c-2", connInfo: '{"n":1}', chanInfo: "[]" },
    ];
    expect(encodeReply({ id: 5, method: "presence", result })).toBe(
      '{"id":5,"presence":{"presence":{"c-1":{"user":"","client":"c-1"},' +
        '"c-2":{"user":"bob","client":"c-2","conn_info":{"n":1},"chan_info":[]}}}}',
    );
  });

  it("to presence keep client ids that look like something else", () => {
    const result = [{ user: '"', client: "__proto__" }];
    const text = String(encodeReply({ id: 5, method: "presence", result }));
    expect(text).toBe('{"id":5,"presence":{"presence":{"__proto__":{"user":"\\"","client":"__proto__"}}}}');
  });

  it("to presence have the map even when nobody is there", () => {
    expect(encodeReply({ id: 5, method: "presence", result: [] })).toBe(
      '{"id":5,"presence":{"presence":{}}}',
    );
  });

  it("to presence_stats have both numbers, zero too", () => {
    const result = { numClients: 0, numUsers: 0 };
    expect(encodeReply({ id: 6, method: "presence_stats", result })).toBe(
      '{"id":6,"presence_stats":{"num_clients":0,"num_users":0}}',
    );
  });

  it("to history have publications, epoch and offset, empty ones too", () => {
    const empty = { publications: [], position: { epoch: "", offset: 0 } };
    expect(encodeReply({ id: 7, method: "history", result: empty })).toBe(
      '{"id":7,"history":{"publications":[],"epoch":"","offset":0}}',
    );
    const full = { publications: [publication({ info: ann })], position: { epoch: "e", offset: 9 } };
    expect(JSON.parse(String(encodeReply({ id: 7, method: "history", result: full })))).toEqual({
      id: 7,
      history: {
        publications: [{ data: { a: 1 }, info: ann, offset: 7, time: 1_700_000_000_000 }],
        epoch: "e",
        offset: 9,
      },
    });
  });

  it("that refuse have code and message, and temporary where it is so", () => {
    expect(encodeReply({ id: 8, error: replyError("alreadySubscribed") })).toBe(
      '{"id":8,"error":{"code":105,"message":"already subscribed"}}',
    );
    expect(encodeReply({ id: 8, error: replyError("internal") })).toBe(
      '{"id":8,"error":{"code":100,"message":"internal server error","temporary":true}}',
    );
    expect(encodeReply({ id: 8, error: replyError("badRequest", 'say "x"\n') })).toBe(
      '{"id":8,"error":{"code":107,"message":"bad request: say \\"x\\"\\n"}}',
    );
  });
});

describe("push", () => {
  it("of a publication has data, offset and no time", () => {
    expect(encodePush(pub())).toBe('{"push":{"channel":"news","pub":{"data":{"a":1},"offset":7}}}');
  });

  it("of the first publication has the epoch", () => {
    expect(encodePush(pub({ offset: 1 }))).toBe(
      '{"push":{"channel":"news","pub":{"data":{"a":1},"offset":1,"epoch":"e"}}}',
    );
  });

  it("of a publication has info and tags where there are some", () => {
    expect(JSON.parse(String(encodePush(pub({ info: ann, tags: { lang: "en" } }))))).toEqual({
      push: { channel: "news", pub: { data: { a: 1 }, info: ann, offset: 7, tags: { lang: "en" } } },
    });
  });

  it("leaves out tags that are empty", () => {
    expect(encodePush(pub({ tags: {} }))).toBe(
      '{"push":{"channel":"news","pub":{"data":{"a":1},"offset":7}}}',
    );
  });

  it("embeds payloads as the text they are", () => {
    for (const data of ["0", "null", '""', "[1.50,1e3]", '{"b":1,"a":2,"a":3}'])
      expect(encodePush(pub({ data }))).toContain(`"pub":{"data":${data},"offset":7}`);
  });

  it("has bytes as a string in base64", () => {
    const data = Uint8Array.of(0, 255, 62);
    expect(encodePush(pub({ data }))).toContain('"pub":{"data":"AP8+","offset":7}');
    expect(encodePush({ kind: "message", data })).toBe('{"push":{"message":{"data":"AP8+"}}}');
    expect(encodeReply({ id: 1, method: "rpc", result: data })).toBe('{"id":1,"rpc":{"data":"AP8+"}}');
    // Readers of patches parse the string.
    expect(encodePush(pub({ data, delta: "full" }))).toContain('"data":"\\"AP8+\\""');
  });

  it("of joins and leaves has the info", () => {
    expect(encodePush({ kind: "join", channel: "news", info: { ...ann, connInfo: "{}" } })).toBe(
      '{"push":{"channel":"news","join":{"info":{"user":"ann","client":"c-1","conn_info":{}}}}}',
    );
    expect(encodePush({ kind: "leave", channel: "news", info: { user: "", client: "c-1" } })).toBe(
      '{"push":{"channel":"news","leave":{"info":{"user":"","client":"c-1"}}}}',
    );
  });

  it("of an unsubscribe has code and reason", () => {
    expect(
      encodePush({ kind: "unsubscribe", channel: "news", code: 2500, reason: "insufficient state" }),
    ).toBe('{"push":{"channel":"news","unsubscribe":{"code":2500,"reason":"insufficient state"}}}');
  });

  it("escapes what a channel name may contain", () => {
    const text = String(encodePush({ kind: "leave", channel: 'a"\\b', info: ann }));
    expect(JSON.parse(text).push.channel).toBe('a"\\b');
  });
});

describe("ping and joining", () => {
  it("a ping is an empty object", () => {
    expect(jsonCodec.encodePing()).toBe("{}");
  });

  it("messages are separated by single line feeds, without one at the end", () => {
    expect(jsonCodec.join(["{}"])).toBe("{}");
    expect(jsonCodec.join(["{}", '{"id":1}', "{}"])).toBe('{}\n{"id":1}\n{}');
  });
});

describe("encoded message, whatever it holds", () => {
  const text = fc.string({ unit: "binary" });
  const jsonText = fc.json({ maxDepth: 3 });
  const info = fc.record({ user: text, client: text, connInfo: jsonText, chanInfo: jsonText });
  const entry = fc.record({
    offset: fc.nat(),
    data: jsonText,
    info,
    tags: fc.dictionary(text, text),
    time: fc.nat(),
  });
  const push: fc.Arbitrary<Push> = fc.oneof(
    fc.record({ kind: fc.constant("pub" as const), channel: text, publication: entry, epoch: text }),
    fc.record({ kind: fc.constantFrom("join" as const, "leave" as const), channel: text, info }),
    fc.record({ kind: fc.constant("unsubscribe" as const), channel: text, code: fc.nat(), reason: text }),
  );
  const reply: fc.Arbitrary<Reply> = fc.oneof(
    fc.record({
      id: fc.nat(),
      error: fc.record({ code: fc.nat(), message: text, isTemporary: fc.boolean() }),
    }),
    fc.record({ id: fc.nat(), method: fc.constant("presence" as const), result: fc.array(info) }),
    fc.record({
      id: fc.nat(),
      method: fc.constant("history" as const),
      result: fc.record({
        publications: fc.array(entry),
        position: fc.record({ epoch: text, offset: fc.nat() }),
      }),
    }),
    fc.record({
      id: fc.nat(),
      method: fc.constant("subscribe" as const),
      result: fc.record({
        recoverable: fc.boolean(),
        positioned: fc.boolean(),
        position: fc.record({ epoch: text, offset: fc.nat() }),
        publications: fc.array(entry),
        recovered: fc.boolean(),
        wasRecovering: fc.boolean(),
      }),
    }),
  );

  it("is one line of JSON", () => {
    const isOneLine = (message: string) => {
      expect(message).not.toContain("\n");
      expect(JSON.parse(message)).toBeTypeOf("object");
    };
    fc.assert(fc.property(push, (value) => isOneLine(String(encodePush(value)))));
    fc.assert(fc.property(reply, (value) => isOneLine(String(encodeReply(value)))));
  });

  it("comes back from JSON with what it held", () => {
    fc.assert(
      fc.property(entry, text, (publication, channel) => {
        const message = encodePush({ kind: "pub", channel, publication, epoch: "e" });
        const { push: decoded } = JSON.parse(String(message));
        expect(decoded.channel).toBe(channel);
        expect(JSON.stringify(decoded.pub.data)).toBe(JSON.stringify(JSON.parse(publication.data)));
        expect(decoded.pub.offset ?? 0).toBe(publication.offset);
        expect(decoded.pub.info.user).toBe(publication.info.user);
      }),
    );
  });
});

describe("reason to disconnect", () => {
  it("is never empty and never JSON, which SDKs would take for something else", () => {
    for (const { reason } of [
      disconnect("badRequest"),
      disconnect("stale", "1"),
      disconnect("slow", "true"),
    ]) {
      expect(reason).not.toBe("");
      expect(() => JSON.parse(reason)).toThrow();
    }
  });
});
