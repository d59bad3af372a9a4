/** Where a server listens: its address as people type it, who can reach it, and the HSTS header. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Server as TcpServer } from "node:net";
import { Server as TlsServer } from "node:tls";
import type { ServerSettings } from "../options/schema.js";
import { parseAddress } from "../requests/addresses.js";
import { isLoopback } from "../requests/origins.js";
import type { HttpFront } from "../sockets/http-front.js";
import { toOpeningRequest } from "../sockets/opening-request.js";

export interface ListeningAddress {
  /** The file, if it is a Unix socket. */
  readonly host: string;
  /** 0 if it is a Unix socket. */
  readonly port: number;
  /** `unix:` and the file, if it is a Unix socket. */
  readonly url: string;
}

type Place = Pick<ServerSettings, "host" | "unixSocket">;

export function addressOf(
  { listener }: HttpFront,
  { host, unixSocket, tls }: Place & Pick<ServerSettings, "tls">,
): ListeningAddress {
  if (unixSocket !== null) return { host: unixSocket, port: 0, url: `unix:${unixSocket}` };
  const { port } = listener.address() as AddressInfo;
  const scheme = tls === null ? "http" : "https";
  return { host, port, url: `${scheme}://${hostForUrl(host)}:${port}` };
}

/**
 * Whether only this machine can reach a Node.js server, this one's own (`front`) or one that it is attached to. Then only names
 * that DNS rebinding cannot forge are accepted.
 */
export function isLocalOnly(
  listener: unknown,
  front: HttpFront | undefined,
  { host, unixSocket }: Place,
): boolean {
  if (front && (listener === front.http1 || listener === front.listener))
    return unixSocket !== null || isLoopback(host);
  // Over TLS, browsers check that the certificate matches the name.
  if (listener instanceof TlsServer) return false;
  const address = (listener as Partial<TcpServer> | undefined)?.address?.();
  if (typeof address === "string") return true;
  return address ? isLoopback(parseAddress(address.address) ?? address.address) : false;
}

/** RFC 6797. Not sent for local host names, where it would apply to every other port of this machine. */
export function setHstsHeader(
  request: IncomingMessage,
  response: ServerResponse,
  { tls, hstsSeconds }: Pick<ServerSettings, "tls" | "hstsSeconds">,
): void {
  if (tls === null || hstsSeconds === null) return;
  const url = `https://${toOpeningRequest(request).host ?? ""}`;
  if (URL.canParse(url) && isLoopback(new URL(url).hostname)) return;
  response.setHeader("Strict-Transport-Security", `max-age=${hstsSeconds}`);
}

/** A name that a browser on this machine can use. */
function hostForUrl(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
