/**
 * Package entry for bundlers that build for browsers: what describes an application, for modules that pages and servers share. Functions
 * that need Node.js throw when they are called.
 */
import { HoldfastError } from "./errors.js";

export * from "./app.js";
export { openRules } from "./channels/rules.js";
export { defineConfig } from "./config/define-config.js";
export { version } from "./server/version.js";
export { insecureAuth } from "./sessions/identity.js";

export function createServer(): never {
  return refuse("createServer");
}

export function signToken(): never {
  return refuse("signToken");
}

export function readStore(): never {
  return refuse("readStore");
}

export function describeStore(): never {
  return refuse("describeStore");
}

export function verifyStore(): never {
  return refuse("verifyStore");
}

export function backUpStore(): never {
  return refuse("backUpStore");
}

export function restoreStore(): never {
  return refuse("restoreStore");
}

export function compactStore(): never {
  return refuse("compactStore");
}

export class MemoryBroker {
  constructor() {
    refuse("MemoryBroker");
  }
}

export class LmdbBroker {
  constructor() {
    refuse("LmdbBroker");
  }
}

function refuse(name: string): never {
  throw new HoldfastError(
    "HF_SERVER_STATE",
    `${name} needs Node.js, and this is a browser; use @holdfast/client in pages`,
  );
}
