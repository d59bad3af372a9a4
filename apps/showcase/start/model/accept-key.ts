/**
 * How the answer to a WebSocket's key comes about (RFC 6455 §4.2.2): SHA-1 (RFC 3174) of the key and a fixed text, in base64.
 * With own code, because browsers offer SHA-1 to pages over https and on localhost only.
 */

/** RFC 6455 §1.3. */
export const webSocketGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface AcceptKeySteps {
  /** Key and text, as one. */
  readonly joined: string;
  /** 20 bytes. */
  readonly digest: Uint8Array;
  /** What the server must answer. */
  readonly accept: string;
}

export function acceptKeySteps(key: string): AcceptKeySteps {
  const joined = key + webSocketGuid;
  const digest = sha1(new TextEncoder().encode(joined));
  return { joined, digest, accept: btoa(String.fromCharCode(...digest)) };
}

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by));

export function sha1(message: Uint8Array): Uint8Array {
  const blocks = Math.ceil((message.length + 9) / 64);
  const padded = new Uint8Array(blocks * 64);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor((message.length * 8) / 2 ** 32));
  view.setUint32(padded.length - 4, message.length * 8);
  const hash = new Int32Array([0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0]);
  const words = new Int32Array(80);
  for (let block = 0; block < blocks; block++) {
    for (let t = 0; t < 16; t++) words[t] = view.getInt32(block * 64 + t * 4);
    const word = (t: number) => words[t] as number;
    for (let t = 16; t < 80; t++)
      words[t] = rotate(word(t - 3) ^ word(t - 8) ^ word(t - 14) ^ word(t - 16), 1);
    let [a = 0, b = 0, c = 0, d = 0, e = 0] = hash;
    for (let t = 0; t < 80; t++) {
      const [mixed, constant] = round(t, b, c, d);
      const next = (rotate(a, 5) + mixed + e + constant + word(t)) | 0;
      [a, b, c, d, e] = [next, a, rotate(b, 30), c, d];
    }
    for (const [index, value] of [a, b, c, d, e].entries())
      hash[index] = ((hash[index] as number) + value) | 0;
  }
  const digest = new Uint8Array(20);
  const out = new DataView(digest.buffer);
  for (const [index, value] of hash.entries()) out.setInt32(index * 4, value);
  return digest;
}

/** RFC 3174 §5. */
function round(t: number, b: number, c: number, d: number): [mixed: number, constant: number] {
  if (t < 20) return [(b & c) | (~b & d), 0x5a827999];
  if (t < 40) return [b ^ c ^ d, 0x6ed9eba1];
  if (t < 60) return [(b & c) | (b & d) | (c & d), 0x8f1bbcdc];
  return [b ^ c ^ d, 0xca62c1d6];
}
