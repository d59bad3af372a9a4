/** Empties a server that is about to close: clients go elsewhere at a pace, and requests finish. */
import type { ChannelRoutes } from "../http/channels/channel-routes.js";
import type { Log } from "../observe/log.js";
import type { LimitSettings } from "../options/limits.js";
import { drainSessions } from "../sessions/drain.js";
import type { SessionRegistry } from "../sessions/registry.js";
import type { HttpFront } from "../sockets/http-front.js";
import type { RequestBounds } from "../sockets/request-bounds.js";
import { systemClock } from "../sockets/system-clock.js";
import type { Admission } from "../transports/admission.js";

export interface DrainedParts {
  readonly handler: SessionRegistry;
  readonly admission: Admission;
  readonly routes: ChannelRoutes;
  readonly bounds: RequestBounds;
  /** Undefined where another server listens. */
  readonly front: HttpFront | undefined;
  readonly settings: Pick<LimitSettings, "drainPerSecond" | "drainTimeoutMs">;
  readonly log: Pick<Log, "info">;
  /** Whether nobody wants to wait any more. */
  readonly isHurried: () => boolean;
}

/** Between looks at what is left. */
const pollMs = 20;
/** A connection that is used more often than this is closed with an answer, and not while a request is on its way. */
const lingerMs = 1000;

/** Resolves when clients and requests are gone, or the time is over. Sockets may still be closing. */
export async function drain({
  handler,
  admission,
  routes,
  bounds,
  front,
  settings,
  log,
  isHurried,
}: DrainedParts): Promise<void> {
  log.info("draining", { connections: handler.connections });
  const { drainPerSecond: perSecond, drainTimeoutMs: timeoutMs } = settings;
  const clock = systemClock;
  const endsAt = clock.elapsed() + timeoutMs;
  const leftMs = () => (isHurried() ? 0 : Math.max(0, endsAt - clock.elapsed()));
  admission.refuseAll();
  const sessions = () => handler.all();
  await drainSessions({ sessions, perSecond, timeoutMs, clock, random: Math.random, isHurried });
  await routes.drain(leftMs());
  const wait = () => new Promise<void>((resolve) => void clock.setTimer(() => resolve(), pollMs));
  while (bounds.stats().openRequests > 0 && leftMs() > 0) await wait();
  const lingersUntil = clock.elapsed() + lingerMs;
  while (clock.elapsed() < lingersUntil && leftMs() > 0 && (await front?.hasConnections())) await wait();
}
