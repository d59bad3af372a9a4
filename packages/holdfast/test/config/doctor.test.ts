import { generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { examine } from "../../src/config/doctor.js";
import type { ConfigSources } from "../../src/config/load-config.js";
import { findWeakness } from "../../src/config/secrets.js";
import { certFile, testTls } from "../support/tls.js";
import { goodSecret, loadFrom, loadYaml, makeFolder } from "./config-folder.js";

const certificate = new X509Certificate(testTls.cert);
const dayMs = 24 * 60 * 60 * 1000;
const midway = (Date.parse(certificate.validFrom) + Date.parse(certificate.validTo)) / 2;
const machine = { now: midway, limits: undefined as string | undefined };

/** What stands in every configuration here that has an application. */
const withTokens = `authenticate: { jwt: { secret: "${goodSecret}" } }\nchannels: { a: {} }\ndata: memory\n`;

async function examineYaml(yaml: string, sources: Partial<ConfigSources> = {}, on = machine) {
  return examine(await loadYaml(yaml, sources), sources.env ?? {}, on);
}

/** Findings as `severity id`. */
async function idsOf(...given: Parameters<typeof examineYaml>): Promise<string[]> {
  return (await examineYaml(...given)).map(({ severity, id }) => `${severity} ${id}`);
}

describe("holdfast doctor", () => {
  it("has nothing to say of what is well configured, on this machine and beyond", async () => {
    expect(await examineYaml(withTokens)).toEqual([]);
    const beyond = `${withTokens}host: 0.0.0.0\ntls: { cert: ${certFile}, key: private.pem }\n`;
    const folder = makeFolder({ "holdfast.config.yaml": beyond, "private.pem": testTls.key.toString() });
    expect(examine(await loadFrom(folder), {}, machine)).toEqual([]);
  });

  it("begins with the most severe, and says what to do about each", async () => {
    const findings = await examineYaml("host: 0.0.0.0\ndata: memory\nallowedOrigins: '*'");
    expect(findings.map(({ severity }) => severity)).toEqual(["error", "warning", "warning"]);
    for (const { message, advice } of findings) expect([message, advice]).not.toContain("");
  });

  describe("who may connect", () => {
    it("notes that nobody is asked, which is an error beyond this machine", async () => {
      expect(await idsOf("data: memory")).toEqual(["note no-authentication"]);
      expect(await idsOf("data: memory\nhost: ::1")).toEqual(["note no-authentication"]);
      expect(await idsOf("data: memory\nchannels: { a: {} }")).toEqual(["note no-authentication"]);
      expect(await idsOf("data: memory\nhost: 192.0.2.1")).toContain("error no-authentication");
      expect(await idsOf(`${withTokens}host: 192.0.2.1`)).not.toContain("error no-authentication");
    });

    it("warns of pages of all origins, not of some", async () => {
      expect(await idsOf(`${withTokens}allowedOrigins: "*"`)).toEqual(["warning wildcard-origin"]);
      expect(await idsOf(`${withTokens}allowedOrigins: [https://a.example]`)).toEqual([]);
    });

    it("warns of a server beyond this machine without TLS", async () => {
      expect(await idsOf(`${withTokens}host: 0.0.0.0`)).toEqual(["warning no-tls"]);
      expect(await idsOf(withTokens)).toEqual([]);
    });
  });

  describe("channels that anybody may publish to", () => {
    const channel = (options: string, more = "") =>
      idsOf(
        `authenticate: { jwt: { secret: "${goodSecret}" } }\ndata: memory\n${more}\nchannels: { a: { ${options} } }`,
      );

    it.each([
      "allow: { publish: all }",
      "allow: { publish: true }",
      "allow: { publish: [users, all] }",
      "allow: { subscribe: all, publish: subscribers }",
    ])("are found with %s", async (options) => {
      expect(await channel(options, "anonymous: true")).toEqual(["warning open-publish"]);
      expect(await channel(options)).toEqual(["note open-publish"]);
    });

    it.each([
      "",
      "allow: { publish: users }",
      "allow: { publish: subscribers }",
      'allow: { publish: "role:a" }',
      "allow: { publish: false, subscribe: all }",
    ])("are none with {%s}", async (options) => {
      expect(await channel(options, "anonymous: true")).toEqual([]);
    });

    it("are found where nobody is asked and subscribers publish", async () => {
      const yaml = "data: memory\nchannels: { a: { allow: { publish: subscribers } } }";
      expect(await idsOf(yaml)).toEqual(["warning open-publish", "note no-authentication"]);
    });

    it("are not guessed at where code decides", async () => {
      const code = `
        import { channel, defineApp } from "holdfast";
        const decide = channel({ allow: { publish: () => true } });
        export default { data: null, app: defineApp({ authenticate: () => null, channels: { decide } }) };
      `;
      const configuration = await loadFrom(makeFolder({ "holdfast.config.ts": code }));
      expect(examine(configuration, {}, machine)).toEqual([]);
    });
  });

  describe("secrets", () => {
    const jwt = (text: string) =>
      idsOf(`authenticate: { jwt: { ${text} } }\nchannels: { a: {} }\ndata: memory`);

    it.each([
      "short",
      "secretsecretsecretsecretsecretsecret",
      "changeme-changeme-changeme-changeme",
      "your-256-bit-secret-your-256-bit-secret",
      "abcdefghijklmnopqrstuvwxyz0123456789",
      "this-is-my-super-secret-jwt-signing-key!",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "ababbbabaabbababababbababbabaabbabbaba",
    ])("that can be guessed are an error: %s", async (secret) => {
      expect(await jwt(`secret: "${secret}"`)).toEqual(["error weak-secret"]);
      expect(await jwt(`secret: ["${goodSecret}", "${secret}"]`)).toEqual(["error weak-secret"]);
      const allowed = `secret: ["${goodSecret}", "${secret}"], allowWeakSecret: true`;
      expect(await jwt(allowed)).toEqual(["warning weak-secret"]);
    });

    it("that are random are good", () => {
      for (let count = 0; count < 200; count++) {
        const bytes = randomBytes(32);
        const found = (["hex", "base64", "base64url"] as const).map((encoding) =>
          findWeakness(bytes.toString(encoding)),
        );
        expect([bytes.toString("hex"), ...found]).toEqual([
          bytes.toString("hex"),
          undefined,
          undefined,
          undefined,
        ]);
      }
    });

    it("are to be as long as the hash of algorithms that are asked for", async () => {
      const secret = goodSecret + goodSecret.split("").reverse().join("").slice(0, 14);
      expect(secret).toHaveLength(54);
      expect(await jwt(`secret: ${secret}, algorithms: [HS384]`)).toEqual([]);
      expect(await jwt(`secret: ${secret}, algorithms: [HS512]`)).toEqual(["warning weak-secret"]);
      expect(await jwt(`secret: ${goodSecret}, algorithms: [HS384]`)).toEqual(["warning weak-secret"]);
    });

    it("never stand in a finding", async () => {
      const findings = await examineYaml(
        `authenticate: { jwt: { secret: swordfishswordfish } }\nchannels: { a: {} }\napiKeys: [kingfisherkingfisher]`,
      );
      expect(JSON.stringify(findings)).not.toMatch(/swordfish|kingfisher/);
    });
  });

  it.each([
    ["secret-secret-key", ["error weak-api-key"]],
    ["aaaaaaaaaaaaaaaaaaaaaaaa", ["error weak-api-key"]],
    ["f3a9c1d07be24586", ["warning weak-api-key"]],
    ["f3a9c1d07be24586aa91c3d2", []],
    ["short", ["error not-accepted", "warning weak-api-key"]],
  ])("judges the key %s of the interface as %j", async (key, expected) => {
    expect(await idsOf(`${withTokens}apiKeys: ["${key}"]`)).toEqual(expected);
    expect(await idsOf(`${withTokens}apiKeys: [{ key: "${key}", scope: read }]`)).toEqual(expected);
    // What a digest is of, nobody can tell.
    expect(await idsOf(`${withTokens}apiKeys: ["sha256:${"ab".repeat(32)}"]`)).toEqual([]);
  });

  describe.skipIf(process.platform === "win32")("files that everybody may read", () => {
    it("are warned of where a secret stands in them", async () => {
      const folder = makeFolder({ "holdfast.config.yaml": withTokens });
      const find = async (env = {}) =>
        examine(await loadFrom(folder, { env }), {}, machine).map(({ id }) => id);
      expect(await find()).toEqual([]);
      chmodSync(join(folder, "holdfast.config.yaml"), 0o644);
      expect(await find()).toEqual(["readable-secrets"]);
      const elsewhere = withTokens.replace(`"${goodSecret}"`, "{ env: SECRET }");
      writeFileSync(join(folder, "holdfast.config.yaml"), elsewhere);
      expect(await find({ SECRET: goodSecret })).toEqual([]);
    });

    it("are warned of where they are named as secrets", async () => {
      const folder = makeFolder({
        "holdfast.config.yaml": withTokens.replace(`"${goodSecret}"`, "{ file: secret.txt }"),
        "secret.txt": goodSecret,
      });
      expect(examine(await loadFrom(folder), {}, machine)).toEqual([]);
      chmodSync(join(folder, "secret.txt"), 0o604);
      const findings = examine(await loadFrom(folder), {}, machine);
      expect(findings).toEqual([
        expect.objectContaining({ id: "readable-secrets", message: expect.stringContaining("secret.txt") }),
      ]);
    });
  });

  describe("certificates", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const otherKey = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const find = async (now: number, files: Readonly<Record<string, string>> = {}) => {
      const folder = makeFolder({
        "k.pem": testTls.key.toString(),
        "c.pem": testTls.cert.toString(),
        ...files,
      });
      writeFileSync(join(folder, "holdfast.config.yaml"), `${withTokens}tls: { cert: c.pem, key: k.pem }`, {
        mode: 0o600,
      });
      return examine(await loadFrom(folder), {}, { ...machine, now }).map(
        ({ severity, id }) => `${severity} ${id}`,
      );
    };
    const end = Date.parse(certificate.validTo);

    it("are good, about to end, and over", async () => {
      expect(await find(end - 31 * dayMs)).toEqual([]);
      expect(await find(end - 29 * dayMs)).toEqual(["warning certificate-expires"]);
      expect(await find(end + dayMs)).toEqual(["error certificate-expired"]);
      expect(await find(Date.parse(certificate.validFrom) - dayMs)).toEqual(["error certificate-expired"]);
    });

    it("go with their key", async () => {
      expect(await find(midway, { "k.pem": otherKey })).toEqual(["error certificate-key-mismatch"]);
      expect(await find(midway, { "k.pem": "nonsense" })).toEqual(["error certificate-key-mismatch"]);
      expect(await find(midway, { "c.pem": "nonsense" })).toEqual(["error certificate-unreadable"]);
    });

    it.skipIf(process.platform === "win32")("are warned of where everybody may read the key", async () => {
      const folder = makeFolder({ "k.pem": testTls.key.toString() });
      const yaml = `${withTokens}tls: { cert: ${certFile}, key: ${folder}/k.pem }`;
      expect(await idsOf(yaml)).toEqual([]);
      chmodSync(join(folder, "k.pem"), 0o644);
      expect(await idsOf(yaml)).toEqual(["warning readable-secrets"]);
    });
  });

  describe("data", () => {
    const onDisk = (folder: string) => withTokens.replace("data: memory", `data: ${folder}`);

    it("is kept in a folder that is there or can be made", async () => {
      const folder = makeFolder({ file: "" });
      expect(await idsOf(onDisk(folder))).toEqual([]);
      expect(await idsOf(onDisk(join(folder, "a/b")))).toEqual([]);
      const [finding] = await examineYaml(onDisk(join(folder, "file")));
      expect(finding).toMatchObject({ severity: "error", id: "data-not-writable" });
      expect(finding?.message).toMatch(/file is not a folder$/);
      expect(await idsOf(onDisk(join(folder, "file/a")))).toEqual(["error data-not-writable"]);
    });

    it.skipIf(process.getuid?.() === 0)("is not kept where this user may not write", async () => {
      const folder = makeFolder();
      chmodSync(folder, 0o500);
      expect(await idsOf(onDisk(join(folder, "a")))).toEqual(["error data-not-writable"]);
    });

    it("is warned of where others may read what a store keeps", async () => {
      const data = makeFolder({ "holdfast.json": "{}", "journal-1.log": "" });
      expect(await idsOf(onDisk(data))).toEqual([]);
      for (const [path, mode] of [
        [data, 0o750],
        [join(data, "journal-1.log"), 0o604],
      ] as const) {
        chmodSync(path, mode);
        expect(await idsOf(onDisk(data))).toEqual(["warning data-open-to-others"]);
        chmodSync(path, path === data ? 0o700 : 0o600);
      }
    });

    it("in memory is warned of where somebody asks for more", async () => {
      expect(await idsOf(`${withTokens}durability: disk`)).toEqual(["error memory-durability"]);
      expect(await idsOf(`${withTokens}durability: process`)).toEqual(["warning memory-durability"]);
      expect(await idsOf(`${withTokens}durability: memory`)).toEqual([]);
      const ofChannel = withTokens.replace("a: {}", "a: { durability: disk }");
      expect(await idsOf(ofChannel)).toEqual(["error memory-durability"]);
    });
  });

  it("warns of a limit of files below maxConnections", async () => {
    const limits = (count: string) => ({
      ...machine,
      limits: `Limit     Soft Limit   Hard Limit   Units\nMax open files            ${count}                524288               files\n`,
    });
    expect(await idsOf(withTokens, {}, limits("1024"))).toEqual(["warning file-limit"]);
    expect(await idsOf(`${withTokens}maxConnections: 400`, {}, limits("1024"))).toEqual([]);
    expect(await idsOf(`${withTokens}maxConnections: null`, {}, limits("1024"))).toEqual([]);
    expect(await idsOf(withTokens, {}, limits("50600"))).toEqual([]);
    expect(await idsOf(withTokens, {}, limits("unlimited"))).toEqual([]);
  });

  it("warns of variables that no option is called by", async () => {
    const env = { HOLDFAST_PROT: "1", HOLDFAST_URL: "x", HOLDFAST_MAX_CONNECTIONS: "5", PATH: "/" };
    expect(await idsOf(withTokens, { env })).toEqual(["warning unknown-variable"]);
    const referring = withTokens.replace(`"${goodSecret}"`, "{ env: HOLDFAST_OWN }");
    expect(await idsOf(referring, { env: { HOLDFAST_OWN: goodSecret } })).toEqual([]);
  });

  it("says what a server would not start with", async () => {
    const [finding] = await examineYaml(`${withTokens}allowedOrigins: [x]`);
    expect(finding).toMatchObject({
      severity: "error",
      id: "not-accepted",
      message: expect.stringMatching(/^holdfast\.config\.yaml: allowedOrigins must be/),
    });
  });
});
