/** The showcase put together: an application, the paths of its login, and its keys. */
import type { Durability } from "holdfast";
import type { OwnRoutes } from "holdfast/internal";
import { createIsWelcome, createShowcaseApp, type ShowcaseApp } from "./app.js";
import { createAuthenticate } from "./authenticate.js";
import { createKey, loadKeys } from "./keys.js";
import { Moderation } from "./moderation.js";
import { PrivateRooms } from "./private-rooms.js";
import { createRoutes } from "./routes.js";
import { Sessions } from "./sessions.js";
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
  const context = { authenticate, rooms, moderation, store, isWelcome, now, durability, onError };
  const { app, running } = createShowcaseApp(context);
  return {
    app,
    routes: createRoutes({ store, sessions, moderation, rooms, onError }),
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
