import { createPrivateKey } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { normalizePem, readPublicKey } from "../../src/auth/keys.js";
import { signWithKey, toPublicPem } from "../../src/auth/sign-token.js";
import { createServer } from "../../src/index.js";
import { certFile, keyFile } from "../support/tls.js";
import { pem, rsa } from "./support/hand-made.js";

const ways: readonly (readonly [string, (pem: string) => string])[] = [
  ["as it is written", (text) => text],
  ["with \\n for its line breaks", (text) => text.replaceAll("\n", "\\n")],
  ["with \\r\\n for its line breaks", (text) => text.replaceAll("\n", "\\r\\n")],
  ["with the line breaks of Windows", (text) => text.replaceAll("\n", "\r\n")],
  ["with spaces for its line breaks", (text) => text.trim().replaceAll("\n", " ")],
  ["without its line breaks", (text) => text.replaceAll("\n", "")],
  ["in quotes", (text) => JSON.stringify(text)],
  ["in single quotes", (text) => `'${text}'\n`],
  ["behind a byte order mark", (text) => `\uFEFF${text}`],
  ["indented", (text) => `  ${text.trim().replaceAll("\n", "\n  ")}`],
];

describe("PEM", () => {
  const publicPem = pem(rsa.publicKey);
  const privatePem = rsa.privateKey.export({ format: "pem", type: "pkcs8" }).toString();

  for (const [name, change] of ways)
    it(`is read ${name}`, async () => {
      expect(normalizePem(change(publicPem))).toBe(publicPem);
      expect(readPublicKey(change(publicPem))).toMatchObject({
        algorithms: new Set(["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
      });
      expect(toPublicPem(change(privatePem))).toBe(publicPem);
      expect(await signWithKey({ pem: change(privatePem) }, { sub: "ann" })).toMatch(/^eyJ/);
    });

  it("may be several blocks", () => {
    const chain = publicPem + privatePem;
    expect(normalizePem(chain.replaceAll("\n", "\\n"))).toBe(chain);
  });

  it.each([
    "",
    "no key",
    '"\\n"',
    "-----BEGIN PUBLIC KEY-----",
    `Bag Attributes\n${publicPem}`,
    `${publicPem}{}`,
  ])("is left as it came where it is something else: %j", (text) => {
    expect(normalizePem(text)).toBe(text);
  });

  it("keeps the header of a key that is encrypted in the old way", () => {
    const encrypted = rsa.privateKey.export({
      format: "pem",
      type: "pkcs1",
      cipher: "aes-128-cbc",
      passphrase: "x",
    }) as string;
    expect(createPrivateKey({ key: normalizePem(encrypted), passphrase: "x" }).asymmetricKeyType).toBe("rsa");
  });

  it("is taken for TLS as variables have it", async () => {
    const flat = (file: string) => readFileSync(file, "utf8").replaceAll("\n", "\\n");
    const server = createServer({ port: 0, pages: null, tls: { cert: flat(certFile), key: flat(keyFile) } });
    onTestFinished(() => server.close());
    const { port } = await server.listen();
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    expect(socket.getPeerCertificate().subject.CN).toBe("localhost");
    socket.destroy();
  });
});
