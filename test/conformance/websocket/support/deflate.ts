/** permessage-deflate (RFC 7692) for scripts: what was agreed on, and frames that carry compressed payloads. */
import {
  type Deflate,
  type DeflateOptions,
  type Role,
  resolveDeflate,
} from "../../../../packages/holdfast/src/websocket.js";
import { type FrameSpec, opcodes, peerOf } from "./frame-builder.js";
import type { PlayOptions } from "./play.js";

export const rsv1 = 4;

/** What the decompressing side puts behind a message (RFC 7692 §7.2.2). */
export const tail = Buffer.of(0x00, 0x00, 0xff, 0xff);

/** An agreement that is the same in both directions. */
export function agreed(keepsContext: boolean, windowBits = 15, options: DeflateOptions = {}): Deflate {
  return {
    agreement: {
      serverNoContextTakeover: !keepsContext,
      clientNoContextTakeover: !keepsContext,
      serverMaxWindowBits: windowBits,
      clientMaxWindowBits: windowBits,
    },
    settings: resolveDeflate({ thresholdBytes: 0, contextTakeover: keepsContext, ...options }),
  };
}

/** Both kinds of agreement, for `describe.each`; compressors with little memory are made faster. */
export const agreements: readonly (readonly [name: string, options: PlayOptions])[] = [
  ["without context takeover", { deflate: agreed(false) }],
  ["with context takeover", { deflate: agreed(true, 15, { memLevel: 1 }) }],
];

export interface CompressedPeer {
  text(compressed: Uint8Array, fin?: boolean): Buffer;
  binary(compressed: Uint8Array, fin?: boolean): Buffer;
  /** A message cut into frames after so many bytes each; RSV1 is on the first of them. */
  fragments(kind: "text" | "binary", compressed: Uint8Array, bytesEach: number): Buffer[];
}

/** Frames of compressed messages as the peer of an engine in this role sends them. */
export function compressedPeerOf(role: Role): CompressedPeer {
  const peer = peerOf(role);
  const frame = (spec: FrameSpec) => peer.frame({ rsv: rsv1, ...spec });
  return {
    text: (payload, fin = true) => frame({ opcode: opcodes.text, payload, fin }),
    binary: (payload, fin = true) => frame({ opcode: opcodes.binary, payload, fin }),
    fragments(kind, compressed, bytesEach) {
      const frames: Buffer[] = [];
      for (let at = 0; at === 0 || at < compressed.length; at += bytesEach) {
        const payload = compressed.subarray(at, at + bytesEach);
        const fin = at + bytesEach >= compressed.length;
        if (at === 0) frames.push(frame({ opcode: opcodes[kind], payload, fin }));
        else frames.push(peer.continuation(payload, fin));
      }
      return frames;
    },
  };
}

export function fromHex(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}
