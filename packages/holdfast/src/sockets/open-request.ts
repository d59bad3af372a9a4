/** One request as it is counted: where, and what of it. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpExchange } from "./http-exchange.js";
import type { Usage } from "./request-usage.js";

/** Whom a request is counted for. */
export interface RequestPeer {
  /** Of its address; undefined where that does not count. */
  readonly key: string | undefined;
  /** Whether its connection carries requests of many, as that of a trusted proxy does. */
  readonly isShared: boolean;
}

/** One request, from its head to the end of its answer. */
export class OpenRequest extends HttpExchange {
  readonly connectionUsage: ConnectionUsage;
  readonly addressUsage: AddressUsage | undefined;
  readonly isShared: boolean;
  readonly usages: readonly Usage[];
  /** Kept until the answer, unread ones included. */
  bodyBytes = 0;
  /** Of the body's, read by `readBody`. */
  readBytes = 0;
  bodyTicks = 0;
  unsentBefore = 0;
  /** What counts of the unsent bytes. */
  answerBytes = 0;
  takenBytes = 0;
  answerTicks = 0;
  /** It is bounded elsewhere: here it is only watched for progress. */
  isHandedOver = false;
  isSharing = false;
  /** It waits, or is handed over, and is not one that is at work. */
  isPaused = false;
  isRefused = false;

  constructor(request: IncomingMessage, response: ServerResponse, counts: Counts) {
    super(request, response);
    const { key, isShared } = counts.peerOf(request);
    this.connectionUsage = counts.ofConnection(this.connection);
    this.addressUsage = key === undefined ? undefined : counts.ofAddress(key);
    this.isShared = isShared;
    const { connectionUsage, addressUsage } = this;
    this.usages = [connectionUsage, ...(addressUsage ? [addressUsage] : []), counts.total];
  }
}

/** Where a request is counted. */
export interface Counts {
  readonly total: Usage;
  readonly peerOf: (request: IncomingMessage) => RequestPeer;
  ofConnection(connection: NodeJS.EventEmitter): ConnectionUsage;
  ofAddress(key: string): AddressUsage;
}

export interface ConnectionUsage extends Usage {
  readonly open: Set<OpenRequest>;
}

export interface AddressUsage extends Usage {
  readonly key: string;
  /** Those that wait included. */
  open: number;
}

/** Beyond the bound of its connection or address. One request alone is bounded by whoever answers it. */
export function isBeyond(
  open: OpenRequest,
  bytes: "bodyBytes" | "answerBytes",
  maxOfConnection: number,
  maxOfAddress: number,
): boolean {
  const { connectionUsage: connection, addressUsage: address, isShared } = open;
  const least = open[bytes];
  if (!isShared && connection[bytes] > Math.max(maxOfConnection, least)) return true;
  return address !== undefined && address[bytes] > Math.max(maxOfAddress, least);
}

export function headBytesOf({ rawHeaders, url = "" }: IncomingMessage): number {
  let bytes = url.length;
  for (const each of rawHeaders) bytes += each.length;
  return bytes;
}
