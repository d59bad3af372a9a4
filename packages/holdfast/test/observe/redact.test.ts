import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactText, redactValue } from "../../src/observe/redact.js";

const secret = "S3cr3t-value_77";
const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJlLW9mLWl0";

describe("texts lose", () => {
  it.each([
    ["a password in a URL", `redis://default:${secret}@redis.example:6379/0`],
    ["a password that is not encoded", `redis://default:a@${secret}@redis.example`],
    ["a password without a user", `connect nats://:${secret}@a.example,nats://u:${secret}@b.example failed`],
    ["a token in a query", `GET /connection/websocket?token=${secret}&x=1`],
    ["an API key in a query", `/api/info?api_key=${secret}`],
    ["a connect command in a query", `/connection/sse?cf_connect=${secret}`],
    ["a password in a form", `user=ann&password=${secret}`],
    ["a field of JSON", `{"user":"ann","token":"${secret}"}`],
    ["an Authorization field", `Authorization: Bearer ${secret}`],
    ["a bearer token", `sent bearer ${secret}`],
    ["an API key in its field", `X-API-Key: ${secret}`],
    ["cookies, all of them", `Cookie: a=1; session=${secret}; b=2`],
    ["cookies that are set", `Set-Cookie: session=${secret}; HttpOnly`],
  ])("%s", (_name, text) => {
    expect(redactText(text)).not.toContain(secret);
    expect(redactText(text)).toContain("[redacted]");
  });

  it("a JSON Web Token, wherever it stands", () => {
    expect(redactText(`cannot verify ${jwt}: expired`)).toBe("cannot verify [redacted]: expired");
  });
});

it("texts keep what is no secret", () => {
  const text =
    "redis://redis.example:6379 closed: ECONNRESET (client 5f2c, user ann@example.com, channel chat:1)";
  expect(redactText(text)).toBe(text);
});

describe("values", () => {
  it("lose fields that are named like a secret, at any depth that is shown", () => {
    const value = {
      token: secret,
      headers: { authorization: secret, cookie: secret, "x-api-key": secret, host: "a.example" },
      options: { redis: { password: secret, host: "b.example" } },
      tokenId: "id-7",
    };
    const clean = redactValue(value);
    expect(JSON.stringify(clean)).not.toContain(secret);
    expect(clean).toMatchObject({ headers: { host: "a.example" }, tokenId: "id-7" });
  });

  it("that are errors keep type, message, code and cause, without secrets", () => {
    const cause = new Error(`connect redis://u:${secret}@h failed`);
    const error = Object.assign(new TypeError(`token=${secret} is bad`, { cause }), {
      code: "E_X",
      token: secret,
    });
    const clean = redactValue({ error });
    expect(JSON.stringify(clean)).not.toContain(secret);
    expect(clean).toMatchObject({
      error: { type: "TypeError", code: "E_X", message: "token=[redacted] is bad", cause: { type: "Error" } },
    });
  });

  it("that are bytes, cyclic or large are shortened", () => {
    const cyclic: Record<string, unknown> = {
      bytes: new Uint8Array(9),
      list: Array(1000).fill(1),
      text: "x".repeat(9999),
    };
    cyclic.self = cyclic;
    const clean = redactValue(cyclic) as { bytes: string; list: unknown[]; text: string };
    expect(clean.bytes).toBe("9 bytes");
    expect(clean.list).toHaveLength(50);
    expect(clean.text.length).toBeLessThan(4100);
    expect(JSON.stringify(clean).length).toBeLessThan(40_000);
  });

  it("whatever they are, never throw, and can be written as JSON", () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true }),
        (value) => {
          JSON.stringify(redactValue({ value }));
        },
      ),
    );
  });
});
