/**
 * What proxies say of those they speak for: `X-Forwarded-For` and `X-Forwarded-Host`, as most have it, and `Forwarded`
 * (RFC 7239). Only reads; who may be believed is for trusted-proxies.ts.
 */
import type { IncomingHttpHeaders } from "node:http";
import { parseAddress } from "./addresses.js";

/** One step of the way here. Undefined address: hidden, or not an address. */
export interface Hop {
  readonly address: string | undefined;
  /** Host and port as the step before named them. */
  readonly host?: string | undefined;
}

/**
 * @returns the steps, the farthest first; undefined where there is no such field; nothing in the list where it breaks
 * its rules
 */
export function readForwarded(headers: IncomingHttpHeaders): readonly Hop[] | undefined {
  const { forwarded } = headers;
  if (forwarded === undefined) return undefined;
  return parseForwarded(forwarded) ?? [];
}

/** The same of `X-Forwarded-For`, with the host that the whole way agrees on, if there is one. */
export function readXForwarded(headers: IncomingHttpHeaders): readonly Hop[] | undefined {
  const addresses = headers["x-forwarded-for"];
  if (addresses === undefined) return undefined;
  const hosts = headers["x-forwarded-host"];
  const host = typeof hosts === "string" ? hosts.split(",", 1)[0]?.trim() : undefined;
  return String(addresses)
    .split(",")
    .map((node) => ({ address: parseNode(node.trim()), host }));
}

/**
 * An address as these fields have it: plain, in brackets, or with a port (RFC 7239 §6). An IPv6 address with a port needs
 * its brackets.
 */
export function parseNode(text: string): string | undefined {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed) return text.includes(":") ? parseAddress(bracketed[1] as string) : undefined;
  const withPort = /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text);
  return parseAddress(withPort ? (withPort[1] as string) : text);
}

/** RFC 7239 §4: pairs separated by semicolons, steps by commas, values as tokens or quoted. */
const pair = /[ \t]*(?:([\w!#$%&'*+.^`|~-]+)=([\w!#$%&'*+.^`|~:[\]-]+|"(?:[^"\\]|\\.)*")[ \t]*)?([;,]|$)/y;

function parseForwarded(text: string): readonly Hop[] | undefined {
  const hops: Hop[] = [];
  let fields: Record<string, string> = {};
  pair.lastIndex = 0;
  while (pair.lastIndex <= text.length) {
    const match = pair.exec(text);
    if (match === null) return undefined;
    const [, name, value = "", end] = match;
    const field = name?.toLowerCase();
    // §4: each of them may be there once.
    if (field !== undefined && Object.hasOwn(fields, field)) return undefined;
    if (field !== undefined) fields[field] = unquote(value);
    if (end === ";") continue;
    hops.push({ address: parseNode(fields.for ?? ""), host: fields.host });
    if (end === "") return hops;
    fields = {};
  }
  return undefined;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
}
