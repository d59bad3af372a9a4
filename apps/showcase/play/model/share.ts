/** Code as the fragment of an address, compressed: servers never see it, and it runs only when the visitor says so. */

export interface SharedCode {
  readonly code: string;
  /** Names the channels, so that everybody with the link meets in the same ones. */
  readonly room: string;
}

export const maxCodeLength = 8000;
/** Some programs cut longer addresses off. */
const maxFragmentLength = 12_000;
const roomPattern = /^[a-z0-9]{4,16}$/;

export async function toFragment({ code, room }: SharedCode): Promise<string> {
  const bytes = await pipe(new TextEncoder().encode(code), new CompressionStream("deflate-raw"), Infinity);
  return `#${room}.${toBase64Url(bytes)}`;
}

/** @returns undefined if the fragment is none of ours, damaged, or too long */
export async function fromFragment(fragment: string): Promise<SharedCode | undefined> {
  const [room = "", text = ""] = fragment.replace(/^#/, "").split(".");
  if (fragment.length > maxFragmentLength || !roomPattern.test(room) || !/^[\w-]+$/.test(text))
    return undefined;
  try {
    // A few bytes can decompress to very many.
    const bytes = await pipe(fromBase64Url(text), new DecompressionStream("deflate-raw"), 4 * maxCodeLength);
    const code = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return code.length <= maxCodeLength ? { code, room } : undefined;
  } catch {
    return undefined;
  }
}

export function createRoom(random: () => number): string {
  return Array.from({ length: 8 }, () => Math.floor(random() * 36).toString(36)).join("");
}

async function pipe(
  bytes: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
  maxBytes: number,
): Promise<Uint8Array> {
  const writer = through.writable.getWriter();
  // Failures reach the reader, too.
  writer.write(bytes).catch(() => {});
  writer.close().catch(() => {});
  const reader = through.readable.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    length += next.value.length;
    if (length > maxBytes) {
      await reader.cancel();
      throw new RangeError(`more than ${maxBytes} bytes`);
    }
    chunks.push(next.value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
}
