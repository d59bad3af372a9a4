/** Options of permessage-deflate (RFC 7692), resolved and checked in one place. */
import { HoldfastError } from "../../errors.js";

export interface DeflateOptions {
  /**
   * Messages with fewer bytes go out as they are: small ones hardly shrink, and every compression costs time.
   * @default 1,024
   */
  readonly thresholdBytes?: number;
  /** How hard zlib tries, from 1 (fast) to 9 (small). @default 3 */
  readonly level?: number;
  /** Memory of a compressor, from 1 to 9: 2 ** (memLevel + 9) bytes beside its window. @default 8 */
  readonly memLevel?: number;
  /**
   * Whether a message may refer to the ones before it. Similar small messages shrink much more, but each connection then
   * keeps a compressor and a decompressor (some 300 KiB), and a broadcast is compressed once per connection.
   * @default false
   */
  readonly contextTakeover?: boolean;
  /** Largest window of this side's compressor, as a power of two from 8 to 15. @default 15 */
  readonly maxWindowBits?: number;
  /** Largest window that the peer may use, where it lets us choose, as a power of two from 8 to 15. @default 15 */
  readonly maxPeerWindowBits?: number;
}

export type DeflateSettings = Readonly<Required<DeflateOptions>>;

export const defaultDeflateSettings: DeflateSettings = Object.freeze({
  thresholdBytes: 1024,
  level: 3,
  memLevel: 8,
  contextTakeover: false,
  maxWindowBits: 15,
  maxPeerWindowBits: 15,
});

const ranges: Readonly<Record<string, readonly [least: number, most: number]>> = {
  thresholdBytes: [0, Number.MAX_SAFE_INTEGER],
  level: [1, 9],
  memLevel: [1, 9],
  maxWindowBits: [8, 15],
  maxPeerWindowBits: [8, 15],
};

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function resolveDeflate(options: DeflateOptions = {}, prefix = "compression."): DeflateSettings {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(defaultDeflateSettings, name));
  if (unknown !== undefined)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `there is no option ${prefix}${unknown}; there are ${Object.keys(defaultDeflateSettings)
        .map((name) => prefix + name)
        .join(", ")}`,
    );
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const settings = { ...defaultDeflateSettings, ...Object.fromEntries(given) };
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = settings[name as keyof DeflateSettings];
    if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) continue;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${prefix}${name} must be an integer ${range}, but is ${JSON.stringify(value)}`,
    );
  }
  if (typeof settings.contextTakeover !== "boolean")
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `${prefix}contextTakeover must be true or false, but is ${JSON.stringify(settings.contextTakeover)}`,
    );
  return Object.freeze(settings);
}
