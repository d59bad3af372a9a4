/** Secrets of tokens and keys of the HTTP interface: too short, guessable, or readable by others. */
import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { minSecretBytes } from "../../auth/jwt-options.js";
import { isHashedKey } from "../../http/api/keys.js";
import type { Configuration } from "../load-config.js";
import { readTextFile } from "../text-file.js";
import { tokenOptionsOf } from "../token-keys.js";
import type { Finding } from "./finding.js";
import { findWeakness, mostBits } from "./strength.js";

const bytesOf: Readonly<Record<string, number>> = minSecretBytes;
const leastApiKeyBits = 96;

export function findSecretFaults(configuration: Configuration): readonly Finding[] {
  return [
    ...findWeakSecrets(configuration),
    ...findWeakApiKeys(configuration),
    ...findReadableFiles(configuration),
  ];
}

function findWeakSecrets({ app }: Configuration): readonly Finding[] {
  const options = tokenOptionsOf(app);
  return textsOf(options?.secret).flatMap((secret, index): Finding[] => {
    const what = index === 0 ? "the secret of tokens" : `the secret of tokens at place ${index}`;
    const bytes = Buffer.byteLength(secret);
    const advice = "take 48 random bytes: openssl rand -base64 48";
    if (bytes < minSecretBytes.HS256)
      return [
        {
          severity: "error",
          id: "weak-secret",
          message: `${what} has ${bytes} bytes, where HS256 needs ${minSecretBytes.HS256}`,
          advice,
        },
      ];
    const weakness = findWeakness(secret);
    if (weakness)
      return [
        { severity: "error", id: "weak-secret", message: `${what} can be guessed: it ${weakness}`, advice },
      ];
    const demanding = (options?.algorithms ?? []).find((name) => bytes < (bytesOf[name] ?? 0));
    if (demanding === undefined) return [];
    const message = `${what} has ${bytes} bytes, where ${demanding} needs ${bytesOf[demanding]}`;
    return [
      {
        severity: "warning",
        id: "weak-secret",
        message,
        advice: "take 64 random bytes: openssl rand -base64 64",
      },
    ];
  });
}

function findWeakApiKeys({ settings }: Configuration): readonly Finding[] {
  return keysOf(settings.get("apiKeys")?.value).flatMap((key, index): Finding[] => {
    // Of a digest nobody can tell.
    if (isHashedKey(key)) return [];
    const what = `the key apiKeys[${index}]`;
    const advice = "take 32 random bytes: openssl rand -hex 32";
    const weakness = findWeakness(key);
    if (weakness && !/too few/.test(weakness))
      return [
        { severity: "error", id: "weak-api-key", message: `${what} can be guessed: it ${weakness}`, advice },
      ];
    if (mostBits(key) >= leastApiKeyBits) return [];
    return [
      {
        severity: "warning",
        id: "weak-api-key",
        message: `${what} is short: ${key.length} characters`,
        advice,
      },
    ];
  });
}

/** Files with secrets in them that every user of this machine may read. */
function findReadableFiles(configuration: Configuration): readonly Finding[] {
  const files = secretFiles(configuration).filter(isReadableByAll);
  return [...new Set(files)].map((file) => {
    const elsewhere =
      file === configuration.config?.file ? ", or name secrets there only: { env: NAME }" : "";
    return {
      severity: "warning",
      id: "readable-secrets",
      message: `${file} has secrets in it, and every user of this machine may read it`,
      advice: `chmod 600 ${file}${elsewhere}`,
    };
  });
}

function secretFiles({ config, settings, app }: Configuration): readonly string[] {
  const key = settings.get("tls.key")?.value;
  const keyFile = typeof key === "string" ? [key] : [];
  if (config === undefined) return keyFile;
  const keys = keysOf(settings.get("apiKeys")?.value).filter((text) => !isHashedKey(text));
  const secrets = [...textsOf(tokenOptionsOf(app)?.secret), ...keys];
  const text = readTextFile(config.file);
  const own = secrets.some((secret) => secret !== "" && text.includes(secret)) ? [config.file] : [];
  const referred = filesIn([config.value.authenticate, config.value.apiKeys]);
  return [...own, ...referred.map((name) => resolve(dirname(config.file), name)), ...keyFile];
}

/** Those that `{ file }` names, but for public keys, which are for everybody. */
function filesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(filesIn);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, each]) => {
    if (name === "publicKeys") return [];
    return name === "file" && typeof each === "string" ? [each] : filesIn(each);
  });
}

function isReadableByAll(file: string): boolean {
  if (process.platform === "win32") return false;
  try {
    return (statSync(file).mode & 0o004) !== 0;
  } catch {
    return false;
  }
}

function textsOf(value: unknown): readonly string[] {
  return [value].flat().filter((each) => typeof each === "string");
}

function keysOf(value: unknown): readonly string[] {
  const keys = Array.isArray(value) ? value : [];
  return textsOf(
    keys.map((each: unknown) => (typeof each === "string" ? each : (each as { key?: unknown })?.key)),
  );
}
