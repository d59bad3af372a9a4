import { describe, expect, it } from "vitest";
import type { TokenOptions } from "../../src/auth/jwt-options.js";
import { HoldfastError } from "../../src/errors.js";
import {
  ed25519,
  invalidToken,
  jwk,
  nowSeconds,
  openTokens,
  otherRsa,
  p256,
  pem,
  rsa,
  secret,
  withHmac,
  withKeyPair,
} from "./support/hand-made.js";
import { answerWith, type KeysServer, startKeysServer } from "./support/keys-server.js";

const claims = { sub: "ann" };
const accepted = { isAccepted: true, identity: { user: "ann" } };
const unavailable = {
  isAccepted: false,
  disconnect: "internalError",
  reason: "the keys of tokens are unavailable at the moment",
};
const bearer = { channel: "news", user: "ann", client: "c" };

const first = jwk(rsa.publicKey, { kid: "first", alg: "RS256", use: "sig" });
const second = jwk(p256.publicKey, { kid: "second" });
const ofFirst = withKeyPair(claims, rsa.privateKey, "RS256", { kid: "first" });
const ofSecond = withKeyPair(claims, p256.privateKey, "ES256", { kid: "second" });
const ofUnknown = (kid: string) => withKeyPair(claims, otherRsa.privateKey, "RS256", { kid });

async function open(answer: KeysServer["answer"], options: Partial<TokenOptions> = {}) {
  const server = await startKeysServer(answer);
  const errors: string[] = [];
  const onError = (error: unknown, { stage }: { readonly stage: string }) =>
    errors.push(
      `${stage}: ${error instanceof HoldfastError ? `${error.code} ${error.message}` : String(error)}`,
    );
  return { server, errors, ...openTokens({ jwksUrl: server.url, onError, ...options }) };
}

describe("keys of an issuer", () => {
  it("are fetched for the first token, and not again for others", async () => {
    const { server, tokens } = await open(answerWith([first, second]));
    expect(server.asked).toBe(0);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    expect(await tokens.verifyConnection(ofSecond)).toEqual(accepted);
    expect(await tokens.verifyConnection(withKeyPair(claims, rsa.privateKey, "RS256"))).toEqual(accepted);
    expect(server.paths).toEqual(["/keys?tenant=private"]);
  });

  it("are fetched once for tokens that come at the same time", async () => {
    const { server, tokens } = await open(answerWith([first]));
    const results = await Promise.all(Array.from({ length: 50 }, () => tokens.verifyConnection(ofFirst)));
    expect(results).toEqual(Array.from({ length: 50 }, () => accepted));
    expect(server.asked).toBe(1);
  });

  it("are not fetched for tokens that other keys have signed, or that are no tokens", async () => {
    const { server, tokens } = await open(answerWith([first]), {
      secret,
      publicKeys: [pem(ed25519.publicKey)],
    });
    expect(await tokens.verifyConnection(withHmac(claims))).toEqual(accepted);
    expect(await tokens.verifyConnection(withKeyPair(claims, ed25519.privateKey, "EdDSA"))).toEqual(accepted);
    for (const token of ["a.b.c", withHmac(claims, "x"), withHmac(claims, secret, { alg: "none" })])
      expect(await tokens.verifyConnection(token)).toMatchObject({ isAccepted: false });
    expect(server.asked).toBe(0);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
  });

  it("check subscriptions, too", async () => {
    const { tokens } = await open(answerWith([first]));
    const token = withKeyPair({ ...claims, channel: "news" }, rsa.privateKey, "RS256", { kid: "first" });
    expect(await tokens.verifySubscription(token, bearer)).toEqual({
      isAccepted: true,
      grant: { origin: { user: "ann" } },
    });
  });

  it("that are of no use are skipped", async () => {
    const useless = [
      5,
      null,
      {},
      "key",
      { kty: "oct", k: "c2VjcmV0", kid: "first" },
      { kty: "new", kid: "x" },
      { ...first, use: "enc" },
      { ...first, n: "?" },
    ];
    const { tokens } = await open(answerWith([...(useless as object[]), first]));
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    expect(
      await tokens.verifyConnection(withHmac(claims, Buffer.from("secret"), { alg: "HS256", kid: "first" })),
    ).toEqual(invalidToken(/^the token's algorithm is "HS256"/));
  });

  it("decide by their signatures, not by their names", async () => {
    const { server, tokens } = await open(answerWith([first]));
    expect(await tokens.verifyConnection(ofUnknown("first"))).toEqual(
      invalidToken('the token was not signed with any of this server\'s keys for RS256 with the kid "first"'),
    );
    expect(server.asked).toBe(1);
  });
});

describe("rotation of keys", () => {
  it("is noticed by a token with a new key", async () => {
    const { server, tokens, moment } = await open(answerWith([first]));
    await tokens.verifyConnection(ofFirst);
    server.answer = answerWith([second]);
    moment.seconds += 30;
    expect(await tokens.verifyConnection(ofSecond)).toEqual(accepted);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
    expect(server.asked).toBe(2);
  });

  it("is noticed after some time by itself", async () => {
    const { server, tokens, moment } = await open(answerWith([first]));
    await tokens.verifyConnection(ofFirst);
    server.answer = answerWith([second]);
    moment.seconds += 599;
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    expect(server.asked).toBe(1);
    moment.seconds += 1;
    // The old keys serve this one, and it has new ones fetched.
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    await expect.poll(() => server.asked).toBe(2);
    await expect.poll(() => tokens.verifyConnection(ofSecond)).toEqual(accepted);
    expect(await tokens.verifyConnection(ofFirst)).toMatchObject({ isAccepted: false });
  });

  it("fetches once per cooldown for unknown keys, however many tokens name them", async () => {
    const { server, tokens, moment } = await open(answerWith([first]));
    for (let round = 1; round <= 3; round++) {
      for (let batch = 0; batch < 4; batch++) {
        const names = Array.from({ length: 25 }, (_, index) => `${round}-${batch}-${index}`);
        for (const result of await Promise.all(names.map((kid) => tokens.verifyConnection(ofUnknown(kid)))))
          expect(result).toMatchObject({ isAccepted: false });
      }
      expect(server.asked).toBe(round);
      expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
      moment.seconds += 30;
    }
    moment.seconds -= 0.001;
    await tokens.verifyConnection(ofUnknown("x"));
    expect(server.asked).toBe(3);
  });

  it("refuses a key for good only when the issuer was asked after the token came", async () => {
    const { tokens } = await open(answerWith([first]));
    const refused = invalidToken(/with the kid "mine"$/);
    expect(await tokens.verifyConnection(ofUnknown("mine"))).toEqual(refused);
    expect(await tokens.verifyConnection(ofUnknown("mine"))).toEqual(unavailable);
  });

  it("treats a clock that is set back as if time had passed", async () => {
    const { server, tokens, moment } = await open(answerWith([first]));
    await tokens.verifyConnection(ofFirst);
    server.answer = answerWith([first, second]);
    moment.seconds -= 5000;
    expect(await tokens.verifyConnection(ofSecond)).toEqual(accepted);
    expect(server.asked).toBe(2);
  });
});

describe("an issuer that fails", () => {
  const huge = `{"keys":[${JSON.stringify(first)}],"padding":"${"x".repeat(256 * 1024)}"}`;

  it.each<[string, KeysServer["answer"], RegExp]>([
    ["answers 500", (_request, response) => response.writeHead(500).end("{}"), /the answer has status 500$/],
    [
      "answers 404 with keys",
      (_request, response) => response.writeHead(404).end(JSON.stringify({ keys: [first] })),
      /status 404$/,
    ],
    ["answers with no JSON", (_request, response) => response.end("<html>"), /the answer is not JSON$/],
    ["answers with nothing", (_request, response) => response.end(), /the answer is not JSON$/],
    ["answers null", (_request, response) => response.end("null"), /the answer is not a JWK Set/],
    ["answers with a list", (_request, response) => response.end("[]"), /the answer is not a JWK Set/],
    [
      "answers with keys that are no list",
      (_request, response) => response.end('{"keys":{}}'),
      /not a JWK Set/,
    ],
    ["answers without keys", answerWith([]), /the answer has no usable key$/],
    ["answers with secrets", answerWith([{ kty: "oct", k: "x".repeat(43) }]), /the answer has no usable key/],
    ["answers with a private key", answerWith([jwk(rsa.privateKey)]), /the answer has no usable key/],
    [
      "answers with too many keys",
      answerWith(Array.from({ length: 101 }, () => first)),
      /more than 100 keys$/,
    ],
    [
      "answers at length",
      (_request, response) => response.end(huge),
      /the answer has more than 262144 bytes$/,
    ],
    ["hangs up", (request) => request.socket.destroy(), /HF_KEYS_UNAVAILABLE keys of tokens from/],
  ])("lets clients come back when it %s", async (_name, answer, error) => {
    const { server, errors, tokens } = await open(answer);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
    expect(errors).toEqual([expect.stringMatching(error)]);
    expect(errors[0]).toMatch(/^fetching the keys of tokens: HF_KEYS_UNAVAILABLE keys of tokens from http:/);
    expect(errors[0]).not.toContain("tenant");
    await expect(tokens.verifySubscription(ofFirst, bearer)).rejects.toMatchObject({
      code: "HF_KEYS_UNAVAILABLE",
    });
    expect(server.asked).toBe(1);
  });

  it("is not read on when its answer does not end", async () => {
    let written = 0;
    const { errors, tokens, server } = await open((_request, response) => {
      const chunk = Buffer.alloc(16 * 1024, "x");
      const write = (): void => {
        while (!response.destroyed) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once("drain", write);
        }
      };
      write();
    });
    expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
    expect(errors).toEqual([expect.stringContaining("more than 262144 bytes")]);
    expect(server.asked).toBe(1);
    const atEnd = written;
    await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThanOrEqual(atEnd + 1024 * 1024);
  });

  it("is not waited for when it does not answer, or stops in the middle", async () => {
    for (const answer of [
      () => {},
      (_request: unknown, response: { write: (text: string) => void }) => response.write('{"keys":['),
    ]) {
      const { errors, tokens } = await open(answer as KeysServer["answer"], { jwksTimeoutMs: 50 });
      expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
      expect(errors).toEqual([expect.stringMatching(/timeout/i)]);
    }
  });

  it("does not follow redirects", async () => {
    const elsewhere = await startKeysServer(answerWith([first]));
    const { errors, tokens } = await open((_request, response) =>
      response.writeHead(302, { Location: elsewhere.url }).end(),
    );
    expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
    expect(errors).toEqual([expect.stringContaining("status 302")]);
    expect(elsewhere.asked).toBe(0);
  });

  it("is asked once per cooldown, however many tokens come, and found again", async () => {
    const { server, errors, tokens, moment } = await open((_request, response) =>
      response.writeHead(503).end(),
    );
    for (let round = 1; round <= 3; round++) {
      for (let index = 0; index < 20; index++)
        expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
      expect(server.asked).toBe(round);
      expect(errors).toHaveLength(round);
      moment.seconds += 30;
    }
    server.answer = answerWith([first]);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
  });

  it("leaves its keys in use for an hour, but not for longer", async () => {
    const { server, errors, tokens, moment } = await open(answerWith([first]));
    await tokens.verifyConnection(ofFirst);
    server.answer = (_request, response) => response.writeHead(500).end();
    moment.seconds = nowSeconds + 3599;
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    await expect.poll(() => errors).toHaveLength(1);
    expect(await tokens.verifyConnection(ofSecond)).toEqual(unavailable);
    moment.seconds = nowSeconds + 3600;
    expect(await tokens.verifyConnection(ofFirst)).toEqual(unavailable);
    expect(server.asked).toBe(2);
  });

  it("does not hold up tokens whose keys are at hand", async () => {
    const { server, tokens, moment } = await open(answerWith([first]));
    await tokens.verifyConnection(ofFirst);
    server.answer = () => {};
    moment.seconds += 600;
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
    await expect.poll(() => server.asked).toBe(2);
    expect(await tokens.verifyConnection(ofFirst)).toEqual(accepted);
  });
});
