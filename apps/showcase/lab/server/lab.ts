/** The lab's page: servers that a browser reads from over each transport, or a run with virtual users. */
import { describeMachine, type LabServer, openLabServer, resolveLabSettings, runLab } from "@holdfast/lab";
import { type LabSettings, labTransports } from "@holdfast/lab/report";
import { channel, reject, rpc, type User, version } from "holdfast";
import { messageOf } from "holdfast/internal";
import { z } from "zod";
import {
  type PartContext,
  type Repeat,
  type RunningPart,
  repeat as repeatUnheld,
} from "../../server/part.js";
import { BrowserBench } from "./bench.js";
import { type Bench, browserTransports, type LabUpdate, labBounds, type StartingBench } from "./protocol.js";
import { busyCode, type Turn, Turns, unknownCode } from "./turns.js";

export interface LabParts {
  readonly openServer?: (settings: LabSettings) => Promise<LabServer>;
  readonly run?: typeof runLab;
  readonly repeat?: Repeat;
}

const refusedCode = 400;
/** What a run takes beside the time that was asked for: for one transport, or in a browser. */
const overheadMs = 8000;
const { maxUsers, maxSeconds, maxPerSecond, maxBytes } = labBounds;

const requestSchema = z.object({
  transports: z.array(z.enum(labTransports)).min(1).max(labTransports.length),
  users: z.int().min(1).max(maxUsers).default(50),
  intervalMs: z.int().min(100).max(60_000).default(1000),
  ratePerSecond: z.number().min(0.05).max(maxPerSecond),
  sizeBytes: z.int().min(40).max(maxBytes),
  durationMs: z
    .int()
    .min(3000)
    .max(maxSeconds * 1000),
  delayMs: z.int().min(0).max(2000).default(0),
  jitterMs: z.int().min(0).max(2000).default(0),
  cutEveryMs: z.int().min(0).max(60_000).default(0),
  maxLatencyMs: z.int().min(1).max(86_400_000).default(1000),
  isTwoWay: z.boolean().default(false),
});
const runSchema = z.object({ run: z.string().min(1).max(64) });
/** How long a call waits for servers to start: clients and servers give calls five seconds. */
const patienceMs = 3000;

/** @returns the run alone, if its servers are not there yet */
async function soon({
  run,
  bench,
}: {
  readonly run: string;
  readonly bench: Promise<Bench>;
}): Promise<Bench | StartingBench> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<StartingBench>((resolve) => {
    timer = setTimeout(() => resolve({ run }), patienceMs);
  });
  return await Promise.race([bench, late]).finally(() => clearTimeout(timer));
}

/** With fractions, which a millisecond on one machine has. */
const preciseNow = () => performance.timeOrigin + performance.now();

export function createLab(context: PartContext, parts: LabParts = {}) {
  const { openServer = openLabServer, run = runLab, repeat = repeatUnheld } = parts;
  const { store, now, isWelcome } = context;
  const onError = (error: unknown) => context.onError(error, { stage: "the lab" });
  let isStopped = false;
  let bench: BrowserBench | undefined;
  /** The servers of the last run in a browser. */
  let starting: { readonly run: string; readonly bench: Promise<Bench> } | undefined;
  const tell = (id: string, update: LabUpdate) => {
    if (!isStopped) void store.server.publish(`lab:${id}`, update).catch(onError);
  };
  const followers = async (id: string) => (await store.server.presenceStats(`lab:${id}`)).numClients;
  const turns = new Turns({ followers, now, repeat, onError });

  const resolve = async (user: User, input: object): Promise<LabSettings> => {
    if (!(await isWelcome(user))) reject(403, "a moderator has banned you");
    await turns.endOwn(user);
    turns.assertFree();
    try {
      return resolveLabSettings(input);
    } catch (error) {
      return reject(refusedCode, messageOf(error));
    }
  };

  const open = (user: User, settings: LabSettings): Promise<Bench | StartingBench> => {
    const opened: BrowserBench = new BrowserBench(settings, {
      open: openServer,
      now: preciseNow,
      every: repeat,
      tell: (update) => tell(turn.run, update),
      onError,
    });
    const turn: Turn = turns.begin(user, settings.durationMs + overheadMs, async () => {
      tell(turn.run, { type: "ended" });
      if (bench === opened) bench = undefined;
      await opened.close();
    });
    bench = opened;
    const begin = async (): Promise<Bench> => {
      try {
        const lines = await opened.open();
        return { run: turn.run, channel: opened.channel, lines, version, machine: describeMachine() };
      } catch (error) {
        await turns.end(turn.run);
        return reject(busyCode, messageOf(error));
      }
    };
    starting = { run: turn.run, bench: begin() };
    return soon(starting);
  };

  const measure = (user: User, settings: LabSettings): Turn => {
    const controller = new AbortController();
    const { transports, durationMs, intervalMs } = settings;
    const { length: count } = transports;
    const expectedMs = count * (durationMs + intervalMs + overheadMs);
    const turn: Turn = turns.begin(user, expectedMs, async () => {
      tell(turn.run, { type: "ended" });
      controller.abort();
      await done;
    });
    let place = { index: 0, count };
    let publishedAt = 0;
    const { signal } = controller;
    const done: Promise<void> = run(settings, {
      signal,
      onProgress: ({ index }) => {
        place = { index, count };
      },
      onSample: (sample) => {
        // As often as an eye can follow.
        if (performance.now() - publishedAt < 250) return;
        publishedAt = performance.now();
        tell(turn.run, { type: "sample", ...place, sample });
      },
    }).then(
      (result) => {
        if (!signal.aborted) turns.finish(turn.run);
        tell(turn.run, { type: "result", result });
      },
      (error: unknown) => {
        if (!signal.aborted) turns.finish(turn.run);
        tell(turn.run, { type: "failed", why: messageOf(error) });
      },
    );
    return turn;
  };

  const ownBench = (user: User, id: string): BrowserBench => {
    turns.assertOwn(user, id);
    return bench ?? reject(unknownCode, "that run of the lab does not use a browser");
  };
  const running: RunningPart = {
    start: () => {},
    stop: () => {
      isStopped = true;
      void turns.stop();
    },
  };
  return {
    running,
    channels: {
      "lab:{run}": channel<never, never, LabUpdate>({
        kind: "latest",
        recoveryMode: "cache",
        durability: "memory",
        history: { size: 1, ttl: "10m", bytes: 256 * 1024 },
        // By which it is known whether anybody follows a run.
        presence: true,
        allow: { subscribe: "users", publish: false, presence: false },
      }),
    },
    rpc: {
      /** Servers for this browser to read from. */
      labOpen: rpc({
        input: requestSchema,
        allow: "users",
        handler: async ({ user, data }) => {
          const transports = browserTransports.filter((each) => data.transports.includes(each));
          return await open(user, await resolve(user, { ...data, transports, users: 1 }));
        },
      }),
      /** Waits on, where servers took longer to start than a call may. */
      labOpened: rpc({
        input: runSchema,
        allow: "users",
        handler: async ({ user, data: { run } }) => {
          turns.assertOwn(user, run);
          return starting?.run === run
            ? await soon(starting)
            : reject(unknownCode, "that run of the lab is over");
        },
      }),
      labStart: rpc({
        input: runSchema,
        allow: "users",
        handler: async ({ user, data }) => {
          if (!(await ownBench(user, data.run).start())) reject(busyCode, "that run has already started");
          return {};
        },
      }),
      /** The last figures, once all is there. */
      labRead: rpc({
        input: runSchema,
        allow: "users",
        handler: async ({ user, data }) => await ownBench(user, data.run).read(),
      }),
      labEnd: rpc({
        input: runSchema,
        allow: "users",
        handler: async ({ user, data }) => {
          turns.assertOwn(user, data.run);
          await turns.end(data.run);
          return {};
        },
      }),
      /** For telling how far a browser's clock is from the one that messages are stamped by. */
      labClock: rpc({ allow: "users", handler: () => ({ now: preciseNow() }) }),
      /** A run with virtual users, one transport after the other. */
      labMeasure: rpc({
        input: requestSchema,
        allow: "users",
        handler: async ({ user, data }) => ({ run: measure(user, await resolve(user, data)).run }),
      }),
    },
  } as const;
}
