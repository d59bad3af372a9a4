/**
 * Where a channel is kept: the stream that its name hashes to, and one subject there. Any name becomes a single token of a bounded
 * length, readable where it can be.
 */
import { createHash } from "node:crypto";

/** What the broker calls its streams and subjects, so that several clusters can share a server. */
export class Subjects {
  readonly prefix: string;
  readonly numStreams: number;

  constructor(prefix: string, numStreams: number) {
    this.prefix = prefix;
    this.numStreams = numStreams;
  }

  streamName(stream: number): string {
    return `${this.prefix}_log_${stream}`;
  }

  get streamNames(): readonly string[] {
    return Array.from({ length: this.numStreams }, (_, stream) => this.streamName(stream));
  }

  /** All subjects of a stream. */
  logSubjects(stream: number): string {
    return `${this.prefix}.log.${stream}.>`;
  }

  /** Where the server republishes what a stream has stored. */
  liveSubjects(stream: number): string {
    return `${this.prefix}.live.${stream}.>`;
  }

  of(channel: string): ChannelSubject {
    const stream = hashOf(channel) % this.numStreams;
    const token = tokenOf(channel);
    return {
      stream: this.streamName(stream),
      log: `${this.prefix}.log.${stream}.${token}`,
      live: `${this.prefix}.live.${stream}.${token}`,
    };
  }

  node(id: string): string {
    return `${this.prefix}.node.${id}`;
  }

  allNodes(): string {
    return `${this.prefix}.nodes`;
  }
}

export interface ChannelSubject {
  /** Name of the stream. */
  readonly stream: string;
  /** Stored under. */
  readonly log: string;
  /** Republished under. */
  readonly live: string;
}

const maxTokenChars = 120;

/** Every UTF-16 unit but the plainest is escaped, lone surrogates included. A long name is replaced by its hash. */
function tokenOf(channel: string): string {
  const token = channel.replace(
    /[^A-Za-z0-9_:@/#$&+=,;!~-]/g,
    (unit) => `%${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  if (token.length > 0 && token.length <= maxTokenChars) return token;
  // No escaped name has two percent signs in a row.
  return `%%${digest(channel)}`;
}

/** SHA-256 of the UTF-16 units, which differ for any two texts, as base64url. */
export function digest(text: string): string {
  return createHash("sha256").update(Buffer.from(text, "utf16le")).digest("base64url");
}

/** FNV-1a, the same on every node and in every version: it decides where a channel is stored. */
export function hashOf(channel: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < channel.length; i++) hash = Math.imul(hash ^ channel.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) >>> 0;
}
