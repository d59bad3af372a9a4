/** What is accepted of a server's options. Each that is not is refused by its name, with what came and what is accepted. */
import { HoldfastError } from "../errors.js";
import { type ApiKey, isHashedKey } from "../http/api/keys.js";
import { TrustedProxies } from "../requests/trusted-proxies.js";
import type { ResolvedOptions } from "./options.js";

/** Two years, the longest that lists of browsers ask for. */
const maxHstsSeconds = 2 * 366 * 24 * 3600;
/** What timers of Node.js can wait; beyond, they would not wait at all. */
const maxTimerMs = 2 ** 31 - 1;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function checkOptions(resolved: ResolvedOptions, hasBroker: boolean): void {
  checkInteger("port", resolved.port, 0, 65_535);
  checkInteger("hstsSeconds", resolved.hstsSeconds, 0, maxHstsSeconds);
  checkInteger("maxConnections", resolved.maxConnections, 1);
  checkInteger("maxWaitingRequests", resolved.maxWaitingRequests, 1);
  for (const name of [
    "maxMessageBytes",
    "maxFragments",
    "maxHandshakes",
    "maxRingBytes",
    "maxHeldBytes",
    "maxOpenChannels",
  ] as const)
    checkInteger(name, resolved[name], 1);
  for (const name of ["handshakeTimeoutMs", "messageTimeoutMs", "closeTimeoutMs", "maxWaitMs"] as const)
    checkInteger(name, resolved[name], 1, maxTimerMs);
  checkInteger("maxHandshakeBytes", resolved.maxHandshakeBytes, 1024);
  checkInteger("maxUserPercent", resolved.maxUserPercent, 1, 100);
  checkInteger("deliverySliceMs", resolved.deliverySliceMs, 1);
  checkInteger("shedAboveLagMs", resolved.shedAboveLagMs, 1);
  for (const [name, value] of Object.entries(resolved.store))
    checkInteger(`store.${name}`, value, 1, name.endsWith("Ms") ? maxTimerMs : undefined);
  for (const [name, value] of Object.entries(resolved.ring)) checkInteger(`ring.${name}`, value, 1);
  for (const [name, value] of Object.entries(resolved.limits)) checkInteger(`limits.${name}`, value, 1);
  for (const [name, value] of Object.entries(resolved.requests))
    checkInteger(`requests.${name}`, value, 1, name.endsWith("Ms") ? maxTimerMs : undefined);
  for (const [name, value] of Object.entries(resolved.times))
    checkInteger(`times.${name}`, value, 1, maxTimerMs);
  for (const name of ["authenticate", "rulesFor", "onError"] as const)
    if (typeof resolved[name] !== "function") refuse(name, resolved[name], "a function");
  if (typeof resolved.host !== "string" || resolved.host === "")
    refuse("host", resolved.host, "a host name or address");
  if (resolved.unixSocket !== null && (typeof resolved.unixSocket !== "string" || resolved.unixSocket === ""))
    refuse("unixSocket", resolved.unixSocket, "a file, or null for a TCP port");
  if (typeof resolved.basePath !== "string" || !/^(?:\/[\w.~-]+)*$/.test(resolved.basePath))
    refuse("basePath", resolved.basePath, "a path such as /rt, without a slash at its end, or empty");
  if (resolved.routes !== undefined && typeof resolved.routes !== "function")
    refuse("routes", resolved.routes, "a function of a request and its response");
  if (resolved.pages !== null && typeof resolved.pages !== "string")
    refuse("pages", resolved.pages, "a folder, or null");
  for (const name of ["http2", "repairData", "apiKeyInQuery"] as const)
    if (typeof resolved[name] !== "boolean") refuse(name, resolved[name], "true or false");
  if (resolved.data !== null && (typeof resolved.data !== "string" || resolved.data === ""))
    refuse("data", resolved.data, "a folder, or null for memory");
  if (resolved.data !== null && hasBroker)
    refuse("data", resolved.data, "null beside a broker, which keeps the logs then");
  const { apiKeys } = resolved;
  if (
    !Array.isArray(apiKeys) ||
    !apiKeys.every((key) => isApiKey(typeof key === "string" ? { key, scope: "admin" } : key))
  )
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `apiKeys must be a list of texts of at least ${leastKeyCharacters} characters, of sha256: and the digest of a key in hexadecimal digits, or of such keys with a scope: read, publish, admin`,
      { details: { option: "apiKeys" } },
    );
  if (resolved.tls !== null && typeof resolved.tls !== "object")
    refuse("tls", resolved.tls, "an object with cert and key, or null");
  const { allowedOrigins } = resolved;
  if (allowedOrigins !== "*" && (!Array.isArray(allowedOrigins) || !allowedOrigins.every(isOrigin)))
    refuse("allowedOrigins", allowedOrigins, '"*", or a list of origins such as https://example.com');
  if (!Array.isArray(resolved.trustedProxies))
    refuse("trustedProxies", resolved.trustedProxies, "a list of addresses and networks");
  // Refuses what is none.
  new TrustedProxies(resolved.trustedProxies);
  if (resolved.times.pongTimeoutMs >= resolved.times.pingIntervalMs)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `times.pongTimeoutMs (${resolved.times.pongTimeoutMs}) must be less than times.pingIntervalMs (${resolved.times.pingIntervalMs})`,
    );
}

/** Shorter keys could be found by trying. */
const leastKeyCharacters = 16;

function isApiKey(value: unknown): value is ApiKey {
  const { key, scope } = (value ?? {}) as Record<string, unknown>;
  const isLong = typeof key === "string" && key.length >= leastKeyCharacters;
  // What is meant as a digest and is none would be taken for a key that nobody has.
  if (isLong && key.startsWith("sha256:") && !isHashedKey(key)) return false;
  return isLong && ["read", "publish", "admin"].includes(scope as string);
}

/** @throws HF_OPTION_INVALID */
export function refuse(option: string, value: unknown, accepted: string): never {
  const given = typeof value === "function" ? "a function" : JSON.stringify(value);
  throw new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}, but is ${given}`, {
    details: { option, value },
  });
}

function isOrigin(text: unknown): boolean {
  return typeof text === "string" && URL.canParse(text) && new URL(text).origin === text;
}

/** Bounds that may be lifted, by `null`. */
const liftable = new Set([
  "hstsSeconds",
  "maxConnections",
  "maxWaitingRequests",
  "limits.commandsPerSecond",
  "limits.publishesPerSecond",
  "limits.userPublishesPerSecond",
  "limits.maxUserConnections",
  "limits.bytesPerSecond",
  "limits.workPerSecond",
  "shedAboveLagMs",
  "limits.maxAddressConnections",
  "limits.addressConnectionsPerSecond",
  "limits.maxAddressWaitingRequests",
  "limits.maxAddressSockets",
  "limits.maxAddressHandshakes",
  "requests.maxPerAddress",
  "requests.maxTotal",
]);

function checkInteger(name: string, value: unknown, least: number, most = Number.MAX_SAFE_INTEGER): void {
  if (value === null && liftable.has(name)) return;
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const orNull = liftable.has(name) ? ", or null for no bound" : "";
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `${name} must be an integer ${range}${orNull}, but is ${JSON.stringify(value)}`,
    { details: { option: name, value } },
  );
}
