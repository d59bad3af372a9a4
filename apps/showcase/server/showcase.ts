/** The showcase put together: the application, the paths of its login, and its keys, which are kept beside the store. */

import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Durability, HoldfastError, type TraceSocket } from "holdfast";
import { messageOf, type OwnRoutes } from "holdfast/internal";
import { PrivateRooms } from "../chat/server/private-rooms.js";
import { createIsWelcome, createMayLook, createShowcaseApp, type ShowcaseApp } from "./app.js";
import { Moderation } from "./moderation.js";
import { createRoutes } from "./routes.js";
import { createAuthenticate, Sessions } from "./sessions.js";
import { Store, type StoreServer } from "./store.js";

export interface ShowcaseOptions {
  /** The server's folder, beside whose store the keys are kept; `null` for memory. @default null */
  readonly data?: string | null;
  /** Of everything that is kept. @default "process" */
  readonly durability?: Durability;
  /** Unix milliseconds. @default the machine's clock */
  readonly now?: () => number;
  /** What fails while a login is answered ends here. @default a line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}

export interface Showcase {
  readonly app: ShowcaseApp;
  /** For the server's option of that name. */
  readonly routes: OwnRoutes;
  /** For the server's option of that name. */
  readonly traceSocket: TraceSocket;
  /** For the server's `apiKeys`, unless there are others. */
  readonly moderatorKey: string;
  /** For programs of this machine: another one each time. */
  readonly programKey: string;
  /** Has to be called before the server listens. */
  use(server: StoreServer): void;
  /** Begins what pages do by themselves, such as feeds: once the server listens. */
  start(): void;
  /** Ends that: before the server closes. */
  stop(): void;
}

/** @throws HF_STORE_OPEN when the keys cannot be read or kept */
export function createShowcase({
  data = null,
  durability = "process",
  now = Date.now,
  onError = writeError,
}: ShowcaseOptions = {}): Showcase {
  const { sessionSecret, moderatorKey } = loadKeys(data);
  const store = new Store();
  const sessions = new Sessions({ store, secret: sessionSecret, now, onError });
  const moderation = new Moderation(store, now);
  const rooms = new PrivateRooms(store);
  const programKey = createKey();
  const authenticate = createAuthenticate(sessions, moderation, programKey);
  const isWelcome = createIsWelcome(moderation);
  const mayLook = createMayLook(isWelcome);
  const context = { authenticate, rooms, moderation, store, isWelcome, mayLook, now, durability, onError };
  const { app, running, traceSocket, routes: storyRoutes } = createShowcaseApp(context);
  const loginRoutes = createRoutes({ store, sessions, moderation, rooms, onError });
  return {
    app,
    routes: (...request) => loginRoutes(...request) || storyRoutes(...request),
    traceSocket,
    moderatorKey,
    programKey,
    use: (server) => store.use(server),
    start: () => {
      for (const part of running) part.start();
    },
    stop: () => {
      for (const part of running) part.stop();
    },
  };
}

function writeError(error: unknown, { stage }: { readonly stage: string }): void {
  process.stderr.write(`holdfast: ${stage}: ${error instanceof Error ? error.stack : String(error)}\n`);
}

export interface ShowcaseKeys {
  /** What sessions are signed with. */
  readonly sessionSecret: string;
  /** A key of the server's HTTP interface, for moderators. */
  readonly moderatorKey: string;
}

export const keysFileName = "showcase-keys.json";
const leastCharacters = 32;

/**
 * @param folder the store's; null for keys that last as long as the process
 * @throws HF_STORE_OPEN when the file cannot be read or made, or holds something else
 */
export function loadKeys(folder: string | null): ShowcaseKeys {
  if (folder === null) return createKeys();
  const file = join(folder, keysFileName);
  try {
    return readKeys(file) ?? writeKeys(folder, file);
  } catch (cause) {
    throw new HoldfastError("HF_STORE_OPEN", `${file} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

export function createKey(): string {
  return randomBytes(32).toString("base64url");
}

function createKeys(): ShowcaseKeys {
  return { sessionSecret: createKey(), moderatorKey: createKey() };
}

function readKeys(file: string): ShowcaseKeys | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const { sessionSecret, moderatorKey } = JSON.parse(text) as Partial<Record<keyof ShowcaseKeys, unknown>>;
  if (!isKey(sessionSecret) || !isKey(moderatorKey))
    throw new Error("it does not contain the keys of the showcase");
  return { sessionSecret, moderatorKey };
}

/** Under another name first, so that a crash leaves no half of a file. */
function writeKeys(folder: string, file: string): ShowcaseKeys {
  const keys = createKeys();
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(`${file}.new`, file);
  return keys;
}

function isKey(value: unknown): value is string {
  return typeof value === "string" && value.length >= leastCharacters;
}
