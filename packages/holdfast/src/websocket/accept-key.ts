/** Sec-WebSocket-Key and Sec-WebSocket-Accept (RFC 6455 §4.2.2, step 5.4). */
import { createHash, randomBytes } from "node:crypto";

const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** 16 bytes in base64 are always 22 characters and two of padding. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

export function isWebSocketKey(text: string): boolean {
  return keyPattern.test(text);
}

export function createWebSocketKey(): string {
  return randomBytes(16).toString("base64");
}

export function acceptValueFor(key: string): string {
  return createHash("sha1").update(key).update(guid).digest("base64");
}
