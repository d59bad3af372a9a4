import { describe, expect, it } from "vitest";
import type { IdentityResult } from "../../src/sessions/identity.js";
import { invalidToken, nowSeconds, openTokens, withHmac } from "./support/hand-made.js";

function verify(claims: unknown, options: Parameters<typeof openTokens>[0] = {}): Promise<IdentityResult> {
  return openTokens(options).tokens.verifyConnection(withHmac(claims));
}

async function identityOf(claims: unknown, options: Parameters<typeof openTokens>[0] = {}) {
  const result = await verify(claims, options);
  if (!result.isAccepted) throw new Error(JSON.stringify(result));
  return result.identity;
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;

describe("claims of a connection's token", () => {
  it("give an identity with everything in it", async () => {
    const claims = {
      sub: "ann",
      exp: nowSeconds + 60,
      iat: nowSeconds - 60,
      jti: "t-1",
      info: { name: "Ann" },
      roles: ["admin", "editor"],
      meta: { plan: "gold" },
      channels: ["news"],
    };
    expect(await identityOf(claims)).toEqual({
      user: "ann",
      info: '{"name":"Ann"}',
      roles: ["admin", "editor"],
      meta: { plan: "gold" },
      expiresAt: (nowSeconds + 60) * 1000,
      subscriptions: new Map([["news", {}]]),
      tokenId: "t-1",
      issuedAt: (nowSeconds - 60) * 1000,
    });
  });

  it.each([{}, { sub: "" }])("are those of an anonymous user where %j has no sub", async (claims) => {
    expect(await identityOf(claims)).toEqual({ user: "" });
  });

  it("bound the user", async () => {
    expect(await identityOf({ sub: "x".repeat(255) })).toMatchObject({ user: "x".repeat(255) });
    expect(await verify({ sub: "x".repeat(256) })).toEqual(
      invalidToken("the claim sub has 256 characters; at most 255 are allowed"),
    );
  });

  it.each([null, 42, true, {}, ["ann"]])("are refused where sub is %j", async (sub) => {
    expect(await verify({ sub })).toEqual(invalidToken("the claim sub must be a string"));
  });

  it("are refused with a channel, which only a subscription's token has", async () => {
    for (const channel of ["news", "", null, 5])
      expect(await verify({ sub: "ann", channel })).toEqual(
        invalidToken(/^the claim channel belongs in a subscription token/),
      );
  });

  it.each([
    ["an object", { a: 1 }, '{"a":1}'],
    ["a number", 0, "0"],
    ["false", false, "false"],
    ["a text", "ü", '"ü"'],
    ["null, as none", null, undefined],
  ])("take info that is %s", async (_name, info, text) => {
    expect((await identityOf({ info })).info).toBe(text);
  });

  it("take info as base64, which stands above info, and stays on one line", async () => {
    const b64info = base64('{\n  "name": "Änn"\r\n}');
    expect((await identityOf({ info: { name: "Bob" }, b64info })).info).toBe('{  "name": "Änn"}');
    expect((await identityOf({ info: 1, b64info: "" })).info).toBe("1");
    expect((await identityOf({ b64info: base64('{"a":1}').replace(/=+$/, "") })).info).toBe('{"a":1}');
  });

  it.each([5, {}, "%%%", "bm90IGpzb24", base64("not json"), "_-8", "IA==", "=", "/////w==", [base64("1")]])(
    "are refused where b64info is %j",
    async (b64info) => {
      expect(await verify({ b64info })).toEqual(invalidToken(/^the claim b64info must be/));
    },
  );

  it("bound the info, however it is given", async () => {
    expect((await identityOf({ info: "x".repeat(4094) })).info).toHaveLength(4096);
    const reason = "the claim info has 4097 characters of JSON; at most 4096 are allowed";
    expect(await verify({ info: "x".repeat(4095) })).toEqual(invalidToken(reason));
    expect(await verify({ b64info: base64(`"${"x".repeat(4095)}"`) })).toEqual(invalidToken(reason));
  });

  it("are refused where something is nested too deeply to be written", async () => {
    expect(await verify(`{"subs":{"news":{"data":${nested(300)}}}}`)).toEqual(
      invalidToken('the claim subs["news"].data is nested too deeply'),
    );
    const claims = `{"subs":{"news":{"data":${nested(100_000)}}}}`;
    expect(await verify(claims, { maxTokenBytes: 1_000_000 })).toEqual(
      invalidToken('the claim subs["news"].data is nested too deeply'),
    );
  });

  it("leave meta as it is", async () => {
    for (const meta of [0, "", false, [1], { a: { b: null } }])
      expect((await identityOf({ meta })).meta).toEqual(meta);
    expect(await identityOf({ meta: null })).toEqual({ user: "" });
  });

  it("have their roles in the claim that the options name", async () => {
    const claims = { roles: ["a"], "https://example.com/groups": ["b"] };
    expect((await identityOf(claims, { roles: "https://example.com/groups" })).roles).toEqual(["b"]);
    expect((await identityOf({}, { roles: "constructor" })).roles).toBeUndefined();
    expect((await identityOf({ roles: [] })).roles).toEqual([]);
  });

  for (const [roles, reason] of [
    ["admin", "roles must be a list of roles"],
    [{}, "roles must be a list of roles"],
    [["admin", ""], "roles[1] must be a string of 1 to 255 characters"],
    [["admin", 5], "roles[1] must be a string of 1 to 255 characters"],
    [["x".repeat(256)], "roles[0] must be a string of 1 to 255 characters"],
    [Array.from({ length: 65 }, String), "roles has 65 roles; at most 64 are allowed"],
  ] as [unknown, string][])
    it(`are refused: the claim ${reason}`, async () => {
      expect(await verify({ roles })).toEqual(invalidToken(`the claim ${reason}`));
    });

  it.each([5, null, {}])("are refused where jti is %j", async (jti) => {
    expect(await verify({ jti })).toEqual(invalidToken("the claim jti must be a string"));
  });
});

describe("channels of a connection's token", () => {
  it("come from channels and subs, of which subs stands above", async () => {
    const claims = {
      channels: ["news", "chat", "news"],
      subs: { chat: { info: { in: "chat" } }, own: { data: [1] }, bare: {}, none: null },
    };
    expect((await identityOf(claims)).subscriptions).toEqual(
      new Map<string, object>([
        ["news", {}],
        ["chat", { info: '{"in":"chat"}' }],
        ["own", { data: "[1]" }],
        ["bare", {}],
        ["none", {}],
      ]),
    );
  });

  it("may be called like what every object has", async () => {
    const claims = '{"channels":["constructor"],"subs":{"__proto__":{"data":1},"toString":{"data":2}}}';
    expect((await identityOf(claims)).subscriptions).toEqual(
      new Map<string, object>([
        ["constructor", {}],
        ["__proto__", { data: "1" }],
        ["toString", { data: "2" }],
      ]),
    );
  });

  it("are given base64 in subs, too", async () => {
    const subs = { news: { b64info: base64("{ }"), b64data: base64(" [ 1 ] "), data: 2 } };
    expect((await identityOf({ subs })).subscriptions?.get("news")).toEqual({ info: "{ }", data: "[ 1 ]" });
  });

  it("are given overrides", async () => {
    const on = { value: true };
    const override = {
      presence: on,
      join_leave: { value: false },
      force_push_join_leave: on,
      force_recovery: on,
      force_positioning: on,
      something_new: 5,
    };
    expect((await identityOf({ subs: { news: { override } } })).subscriptions?.get("news")).toEqual({
      overrides: { hasPresence: true, hasJoinLeave: false, isJoinLeaveForced: true, isRecoveryForced: true },
    });
    for (const empty of [{}, null, { presence: null }, { presence: {} }, { force_positioning: on }])
      expect((await identityOf({ subs: { news: { override: empty } } })).subscriptions?.get("news")).toEqual(
        {},
      );
  });

  for (const [claims, reason] of [
    [{ channels: "news" }, "channels must be a list of channel names"],
    [{ channels: { news: {} } }, "channels must be a list of channel names"],
    [{ channels: 0 }, "channels must be a list of channel names"],
    [{ channels: ["a", 5] }, "channels[1] must be a string"],
    [{ channels: ["a", ""] }, "channels[1] is invalid: a channel name must not be empty"],
    [
      { channels: ["ü"] },
      "channels[0] is invalid: a channel name must consist of printable ASCII characters",
    ],
    [
      { channels: ["x".repeat(256)] },
      "channels[0] is invalid: a channel name may have up to 255 characters, not 256",
    ],
    [{ subs: ["news"] }, "subs must be an object"],
    [{ subs: "news" }, "subs must be an object"],
    [{ subs: { "": {} } }, 'subs[""] is invalid: a channel name must not be empty'],
    [
      { subs: { "a\nb": {} } },
      'subs["a\\nb"] is invalid: a channel name must consist of printable ASCII characters',
    ],
    [{ subs: { news: 5 } }, 'subs["news"] must be an object'],
    [{ subs: { news: [] } }, 'subs["news"] must be an object'],
    [{ subs: { news: { b64data: "%" } } }, 'subs["news"].b64data must be a base64 string'],
    [
      { subs: { news: { info: "x".repeat(4095) } } },
      'subs["news"].info has 4097 characters of JSON; at most 4096 are allowed',
    ],
    [{ subs: { news: { override: true } } }, 'subs["news"].override must be an object'],
    [
      { subs: { news: { override: { presence: true } } } },
      'subs["news"].override.presence must be an object',
    ],
    [
      { subs: { news: { override: { force_positioning: { value: 1 } } } } },
      'subs["news"].override.force_positioning.value must be true or false',
    ],
  ] as [object, string][])
    it(`are refused: the claim ${reason}`, async () => {
      expect(await verify(claims)).toEqual(invalidToken(`the claim ${reason}`));
    });

  it("are bounded together", async () => {
    const names = Array.from({ length: 128 }, (_, index) => `c${index}`);
    expect((await identityOf({ channels: [...names, ...names] })).subscriptions?.size).toBe(128);
    expect(await verify({ channels: names, subs: { more: {} } })).toEqual(
      invalidToken("the claim channels has 129 channels; at most 128 are allowed"),
    );
    const subs = Object.fromEntries([...names, "more"].map((name) => [name, {}]));
    expect(await verify({ subs })).toEqual(
      invalidToken("the claim subs has 129 channels; at most 128 are allowed"),
    );
  });
});
