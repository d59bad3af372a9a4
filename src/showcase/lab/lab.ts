/**
 * The lab's page: servers that a browser reads from over each transport, or a run with virtual users. One at a time, whoever
 * asks first, and for a bounded time: it keeps the whole machine busy, and two would measure each other.
 */
import { randomBytes } from "node:crypto";
import { z } from "zod";
import { channel } from "../../app/channel.js";
import { reject } from "../../app/rejection.js";
import { rpc } from "../../app/rpc.js";
import type { User } from "../../app/user.js";
import { messageOf } from "../../errors.js";
import { type LabServer, openLabServer, resolveLabSettings, runLab } from "../../lab/index.js";
import { type LabSettings, labTransports } from "../../report/index.js";
import type { PartContext, RunningPart } from "../part.js";
import { BrowserBench } from "./bench.js";
import { type Bench, browserTransports, type LabNews, labBounds } from "./protocol.js";

export interface LabParts {
  readonly openServer?: (settings: LabSettings) => Promise<LabServer>;
  readonly run?: typeof runLab;
}

/** What goes on now. */
interface Going {
  readonly run: string;
  readonly user: string;
  readonly name: string;
  readonly bench?: BrowserBench;
  readonly timer: NodeJS.Timeout;
  end(): Promise<void>;
}

const busyCode = 409;
const unknownCode = 404;
const refusedCode = 400;
/** Beyond the time that was asked for: to come up, to drain, and to be looked at. */
const slackMs = 60_000;
const { mostUsers, mostSeconds, mostPerSecond, mostBytes } = labBounds;

const wished = z.object({
  transports: z.array(z.enum(labTransports)).min(1).max(labTransports.length),
  users: z.int().min(1).max(mostUsers).default(50),
  intervalMs: z.int().min(100).max(60_000).default(1000),
  perSecond: z.number().min(0.05).max(mostPerSecond),
  bytes: z.int().min(40).max(mostBytes),
  durationMs: z
    .int()
    .min(3000)
    .max(mostSeconds * 1000),
  delayMs: z.int().min(0).max(2000).default(0),
  jitterMs: z.int().min(0).max(2000).default(0),
  cutEveryMs: z.int().min(0).max(60_000).default(0),
  tolerableMs: z.int().min(1).max(86_400_000).default(1000),
  isTwoWay: z.boolean().default(false),
});
const named = z.object({ run: z.string().min(1).max(64) });

export function createLab(context: PartContext, { openServer = openLabServer, run = runLab }: LabParts = {}) {
  const { store, onError, isWelcome } = context;
  let going: Going | undefined;
  const report = (error: unknown) => onError(error, { stage: "the lab" });
  const tell = (id: string, news: LabNews) => void store.server.publish(`lab:${id}`, news).catch(report);
  const end = async (one: Going): Promise<void> => {
    clearTimeout(one.timer);
    if (going === one) going = undefined;
    await one.end().catch(report);
  };
  const refuseWhileBusy = () => {
    if (going) reject(busyCode, `${going.name} runs the lab just now; it is free again in a minute or two`);
  };
  const begin = (user: User, lasts: number, what: Pick<Going, "end" | "bench">): Going => {
    refuseWhileBusy();
    const id = randomBytes(9).toString("base64url");
    const timer = setTimeout(() => void end(one), lasts + slackMs);
    timer.unref();
    const { name = "a program" } = (user.info ?? {}) as { readonly name?: string };
    const one: Going = { run: id, user: user.id, name, timer, ...what };
    going = one;
    return one;
  };
  const resolve = async (user: User, input: object): Promise<LabSettings> => {
    if (!(await isWelcome(user))) reject(403, "a moderator has banned you");
    if (going && going.user === user.id) await end(going);
    refuseWhileBusy();
    try {
      return resolveLabSettings(input);
    } catch (error) {
      return reject(refusedCode, messageOf(error));
    }
  };
  const own = (user: User, id: string): Going => {
    if (going?.run !== id || going.user !== user.id) reject(unknownCode, "that run of the lab is over");
    return going as Going;
  };
  const methods = {
    /** Servers for this browser to read from. */
    labOpen: rpc({
      input: wished,
      allow: "users",
      handler: async ({ user, data }): Promise<Bench> => {
        const transports = browserTransports.filter((each) => data.transports.includes(each));
        const settings = await resolve(user, { ...data, transports, users: 1 });
        const bench: BrowserBench = new BrowserBench(settings, {
          open: openServer,
          now: () => performance.timeOrigin + performance.now(),
          every: (milliseconds, step) => {
            const timer = setInterval(step, milliseconds);
            return () => clearInterval(timer);
          },
          tell: (news) => tell(one.run, news),
          onError: report,
        });
        const one = begin(user, settings.durationMs, { bench, end: () => bench.close() });
        try {
          const lines = await bench.open();
          return { run: one.run, channel: bench.channel, lines };
        } catch (error) {
          await end(one);
          return reject(busyCode, messageOf(error));
        }
      },
    }),
    labStart: rpc({
      input: named,
      allow: "users",
      handler: async ({ user, data }) => {
        await own(user, data.run).bench?.start();
        return {};
      },
    }),
    /** The last figures, once all is there. */
    labRead: rpc({
      input: named,
      allow: "users",
      handler: async ({ user, data }) => (await own(user, data.run).bench?.read()) ?? null,
    }),
    labEnd: rpc({
      input: named,
      allow: "users",
      handler: async ({ user, data }) => {
        await end(own(user, data.run));
        return {};
      },
    }),
    /** For telling how far a browser's clock is from the one that messages are stamped by. */
    labClock: rpc({ allow: "users", handler: () => ({ now: performance.timeOrigin + performance.now() }) }),
    /** A run with virtual users, one transport after the other. */
    labMeasure: rpc({
      input: wished,
      allow: "users",
      handler: async ({ user, data }) => {
        const settings = await resolve(user, data);
        const controller = new AbortController();
        let done: Promise<void> = Promise.resolve();
        const one = begin(user, (settings.durationMs + slackMs) * settings.transports.length, {
          end: async () => {
            controller.abort();
            await done;
          },
        });
        done = measure(one.run, settings, controller.signal).finally(() => {
          clearTimeout(one.timer);
          if (going === one) going = undefined;
        });
        return { run: one.run };
      },
    }),
  };

  async function measure(id: string, settings: LabSettings, signal: AbortSignal): Promise<void> {
    const { length: count } = settings.transports;
    let place = { index: 0, count };
    let toldAt = 0;
    try {
      const result = await run(settings, {
        signal,
        onProgress: ({ index }) => {
          place = { index, count };
        },
        onSample: (sample) => {
          // As often as an eye can follow.
          if (performance.now() - toldAt < 250) return;
          toldAt = performance.now();
          tell(id, { news: "sample", ...place, sample });
        },
      });
      tell(id, { news: "result", result });
    } catch (error) {
      tell(id, { news: "failed", why: messageOf(error) });
    }
  }

  const running: RunningPart = {
    start: () => {},
    stop: () => void (going && end(going)),
  };
  return {
    running,
    channels: {
      "lab:{run}": channel<never, never, LabNews>({
        kind: "latest",
        recoveryMode: "cache",
        durability: "memory",
        history: { size: 1, ttl: "10m", bytes: 256 * 1024 },
        allow: { subscribe: "users", publish: false },
      }),
    },
    rpc: methods,
  } as const;
}
