import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { acceptKeySteps, sha1 } from "../../../start/model/accept-key.js";

describe("the answer to a WebSocket's key", () => {
  it("is that of RFC 6455 §1.3", () => {
    const { digest, accept } = acceptKeySteps("dGhlIHNhbXBsZSBub25jZQ==");
    expect([...digest.subarray(0, 4)]).toEqual([0xb3, 0x7a, 0x4f, 0x2c]);
    expect(accept).toBe("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("hashes as Node.js does, whatever the length", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(Buffer.from(sha1(bytes))).toEqual(createHash("sha1").update(bytes).digest());
      }),
    );
  });
});
