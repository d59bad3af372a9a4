import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { acceptValueFor, createWebSocketKey } from "../../src/websocket/index.js";

describe("accept value (RFC 6455 §4.2.2, step 5.4)", () => {
  it("is the one of RFC 6455 §1.3 for its key", () => {
    expect(acceptValueFor("dGhlIHNhbXBsZSBub25jZQ==")).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("is the SHA-1 of the key and the GUID of the RFC, in base64", () => {
    const key = createWebSocketKey();
    const digest = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    expect(acceptValueFor(key)).toBe(digest);
  });
});
