/** Options of WebSockets below any server of Holdfast: what `holdfast/websocket` takes. */
import { integer, toggle } from "./option.js";

export const compressionEntries = {
  thresholdBytes: integer({
    default: 1024,
    min: 0,
    doc: "Messages with fewer bytes are sent uncompressed",
    more: "Small ones hardly shrink, and every compression costs time.",
  }),
  level: integer({ default: 3, max: 9, doc: "How hard zlib tries, from 1 (fast) to 9 (small)" }),
  memLevel: integer({
    default: 8,
    max: 9,
    doc: "Memory of a compressor, from 1 to 9: 2 ** (memLevel + 9) bytes beside its window",
  }),
  contextTakeover: toggle({
    default: false,
    doc: "Whether a message may refer to the ones before it",
    more: "Similar small messages shrink much more, but each connection then keeps a compressor and a decompressor (some 300 KiB), and a broadcast is compressed once per connection.",
  }),
  maxWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Largest window of this side's compressor, as a power of two from 8 to 15",
  }),
  maxPeerWindowBits: integer({
    default: 15,
    min: 8,
    max: 15,
    doc: "Largest window that the peer may use, where it lets us choose, as a power of two from 8 to 15",
  }),
} as const;
