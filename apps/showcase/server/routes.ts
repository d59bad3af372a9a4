/**
 * Logging in and out, beside the server's own paths: `GET /me`, `POST /login`, `POST /logout`. Bodies are JSON and said to
 * be, which pages of other origins cannot send without being asked for leave (CORS), and nobody gives that here.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { HoldfastError } from "holdfast";
import { type OwnRoutes, parseJson, pathOf, readBody, sendJson } from "holdfast/internal";
import type { PrivateRooms } from "../chat/server/private-rooms.js";
import { sandboxPath, sendSandbox } from "../play/server/play.js";
import type { Moderation } from "./moderation.js";
import { readSessionCookie, type Session, type Sessions, sessionCookie } from "./sessions.js";
import type { Store } from "./store.js";
import { nameProblem } from "./text-rules.js";

export interface RouteParts {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly moderation: Moderation;
  readonly rooms: PrivateRooms;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

interface Answer {
  readonly status: number;
  readonly body: object;
  /** Undefined leaves the cookie as it is; null ends it. */
  readonly token?: string | null;
}

type Route = (parts: RouteParts, request: IncomingMessage) => Promise<Answer>;

const maxBodyBytes = 4096;
/** SDKs stay away after it, and the page knows that it was meant. */
export const loggedOut = { code: 4501, reason: "logged out" } as const;

const routes: ReadonlyMap<string, { readonly method: "GET" | "POST"; readonly route: Route }> = new Map([
  ["/me", { method: "GET", route: tellSession }],
  ["/login", { method: "POST", route: logIn }],
  ["/logout", { method: "POST", route: logOut }],
]);

export function createRoutes(parts: RouteParts): OwnRoutes {
  return (request, response, path) => {
    if (path === sandboxPath && (request.method === "GET" || request.method === "HEAD")) {
      sendSandbox(request, response);
      return true;
    }
    const found = routes.get(path);
    if (found === undefined) return false;
    const fault = findRequestFault(request, found.method);
    if (fault) {
      request.resume();
      sendJson(response, fault.status, { error: fault.error }, { Allow: found.method });
    } else void answer(parts, found.route, request, response);
    return true;
  };
}

function findRequestFault(
  request: IncomingMessage,
  method: string,
): { status: number; error: string } | undefined {
  if (request.method !== method)
    return { status: 405, error: `${request.method} is not accepted here, only ${method}` };
  if (method === "POST" && !/^application\/json\s*(?:;|$)/i.test(request.headers["content-type"] ?? ""))
    return { status: 415, error: "the body must be JSON, with Content-Type: application/json" };
  return undefined;
}

async function answer(
  parts: RouteParts,
  route: Route,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    const { status, body, token } = await route(parts, request);
    const cookie =
      token === undefined
        ? undefined
        : sessionCookie(request.url ?? "/", token ?? undefined, isSecure(request));
    sendJson(response, status, body, cookie === undefined ? {} : { "Set-Cookie": cookie });
  } catch (error) {
    const isFull = error instanceof HoldfastError && error.code === "HF_MAP_FULL";
    if (!isFull) parts.onError(error, { stage: `answering ${pathOf(request.url ?? "/")}` });
    if (response.headersSent) return;
    sendJson(response, isFull ? 503 : 500, {
      error: isFull ? "this server cannot keep more names" : "internal server error",
    });
  }
}

async function tellSession({ sessions }: RouteParts, request: IncomingMessage): Promise<Answer> {
  request.resume();
  const session = await sessionOf(sessions, request);
  if (session === undefined) return { status: 200, body: { session: null } };
  const renewed = await sessions.renew(session);
  const body = toBody(renewed);
  return renewed === session
    ? { status: 200, body }
    : { status: 200, body, token: await sessions.sign(renewed) };
}

async function logIn(parts: RouteParts, request: IncomingMessage): Promise<Answer> {
  const { sessions, moderation, rooms } = parts;
  const read = await readBody(request, maxBodyBytes);
  const value = typeof read === "string" ? undefined : parseJson(read.bytes.toString("utf8"));
  const { name } = (value ?? {}) as { readonly name?: unknown };
  if (typeof name !== "string") return refuse(400, 'the body must be such as {"name":"Ann"}');
  const problem = nameProblem(name);
  if (problem !== undefined) return refuse(400, problem);
  const present = await sessionOf(sessions, request);
  if (present && (await moderation.isBanned(present.user))) return refuse(403, "A moderator has banned you.");
  const session = await sessions.open(name, present);
  if (session === undefined) return refuse(409, "Somebody else has that name at the moment.");
  if (present && present.name !== session.name) await rooms.rename({ id: session.user, name: session.name });
  return { status: 200, body: toBody(session), token: await sessions.sign(session) };
}

/** Ends all windows of the person. A banned one keeps its name, so that the ban keeps its owner. */
async function logOut(
  { sessions, moderation, store }: RouteParts,
  request: IncomingMessage,
): Promise<Answer> {
  request.resume();
  const session = await sessionOf(sessions, request);
  if (session && !(await moderation.isBanned(session.user))) {
    await sessions.close(session);
    await store.server.disconnect(session.user, loggedOut);
  }
  return { status: 200, body: { session: null }, token: null };
}

async function sessionOf(
  sessions: Sessions,
  { headers, url = "/" }: IncomingMessage,
): Promise<Session | undefined> {
  return await sessions.find(readSessionCookie(headers.cookie, url));
}

function toBody({ user, name }: Session): object {
  return { session: { user, name } };
}

function refuse(status: number, error: string): Answer {
  return { status, body: { error } };
}

/** What a proxy says of it can only make the cookie stricter, and so needs no trust. */
function isSecure(request: IncomingMessage): boolean {
  const { socket, headers } = request;
  const isEncrypted = "encrypted" in socket && socket.encrypted === true;
  return isEncrypted || headers["x-forwarded-proto"] === "https";
}
