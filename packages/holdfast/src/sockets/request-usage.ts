/** What requests hold: of a connection, of an address, and in all. */

export interface Usage {
  requests: number;
  /** Bytes of heads and bodies, from their coming to their answer. */
  bodyBytes: number;
  /** Bytes of answers that were written and not taken. */
  answerBytes: number;
}

export function emptyUsage(): Usage {
  return { requests: 0, bodyBytes: 0, answerBytes: 0 };
}

/** How much of each there may be; `null` for no bound. */
export interface RequestBoundsSettings {
  /** Requests of one connection at a time: its streams with HTTP/2, and those that follow each other unanswered. @default 256 */
  readonly maxPerConnection: number;
  /** Requests of one address at work, without those that wait and streams; 503 beyond; `null` for no bound. @default 2,000 */
  readonly maxPerAddress: number | null;
  /** The same for all. @default 10,000 */
  readonly maxTotal: number | null;
  /**
   * Bytes of bodies of one connection that are kept until they are answered, and 12 KiB for each that is still coming; 503
   * beyond.
   * @default 4 MiB
   */
  readonly maxConnectionBodyBytes: number;
  /** The same for one address. @default 16 MiB */
  readonly maxAddressBodyBytes: number;
  /** The same for all; beyond, those are refused that have been coming for longest. @default 64 MiB */
  readonly maxBodyBytes: number;
  /**
   * Bytes of answers that one connection has not taken, and 12 KiB for each of them, apart from one; beyond, they are cut
   * off.
   * @default 16 MiB
   */
  readonly maxConnectionAnswerBytes: number;
  /** The same for one address. @default 32 MiB */
  readonly maxAddressAnswerBytes: number;
  /** The same for all; beyond, those are cut off that have been waiting for longest. @default 128 MiB */
  readonly maxAnswerBytes: number;
  /** For a body to come, in milliseconds, and as much longer as what has come takes at the least rate; 408 beyond. @default 30 s */
  readonly bodyTimeoutMs: number;
  /** For an answer to be taken, in milliseconds, and as much longer as what was taken takes at the least rate. @default 60 s */
  readonly answerTimeoutMs: number;
  /** The least rate of both. @default 1,024 */
  readonly minBytesPerSecond: number;
}

export const defaultRequestBounds: RequestBoundsSettings = Object.freeze({
  maxPerConnection: 256,
  maxPerAddress: 2000,
  maxTotal: 10_000,
  maxConnectionBodyBytes: 4 * 1024 * 1024,
  maxAddressBodyBytes: 16 * 1024 * 1024,
  maxBodyBytes: 64 * 1024 * 1024,
  maxConnectionAnswerBytes: 16 * 1024 * 1024,
  maxAddressAnswerBytes: 32 * 1024 * 1024,
  maxAnswerBytes: 128 * 1024 * 1024,
  bodyTimeoutMs: 30_000,
  answerTimeoutMs: 60_000,
  minBytesPerSecond: 1024,
});
