/**
 * `holdfast serve` in several processes on one port. The first process serves nothing: it starts workers (node:cluster), which run the
 * same command, passes signals on, and starts those that die again. Signals reach it alone: a terminal sends them to all.
 */
import cluster, { type Worker } from "node:cluster";
import { availableParallelism } from "node:os";
import { assertConfiguration, type Configuration } from "../config/load-config.js";
import { HoldfastError, invalidOption } from "../errors.js";
import type { ListeningAddress } from "../index.js";
import { configOnlyOptions } from "../options/schema.js";
import { banner } from "./banner.js";
import { onEndSignal, writeNote, writeText } from "./terminal.js";

/** A worker that ends sooner than this after its start counts as one that cannot run. */
const shortLifeMs = 10_000;
const maxShortLives = 5;
const firstDelayMs = 250;
const maxDelayMs = 5000;

type ToWorker = "end" | "reload";

interface FromWorker {
  readonly listening: ListeningAddress;
}

/** Whether this process was started as a worker. */
export const isWorker = cluster.isWorker;

/** @throws HF_OPTION_INVALID if the number is invalid, or the workers would share no store */
export function countWorkers({ settings, options }: Configuration): number {
  const value = settings.get("workers")?.value ?? 1;
  const { isValid, accepts } = configOnlyOptions.workers;
  if (!isValid(value)) throw invalidOption("workers", accepts, JSON.stringify(value));
  const count = value === "auto" ? availableParallelism() : Number(value);
  if (count === 1) return count;
  const { data, broker } = options;
  const hasExclusiveStore = typeof broker === "string" && broker.startsWith("lmdb:");
  if ((data ?? broker) == null || hasExclusiveStore)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      "workers need a store that they share: set data to a folder, or broker to a server's URL",
      { details: { option: "workers" } },
    );
  return count;
}

/**
 * Serves in workers until a signal ends them.
 * @throws HF_SERVER_STATE if workers cannot run
 */
export async function superviseWorkers(configuration: Configuration, count: number): Promise<void> {
  assertConfiguration(configuration);
  const workers = new Workers();
  let isEnding = false;
  const end = () => {
    // A second signal does not wait.
    if (isEnding) workers.kill();
    else if (!workers.isEnding) writeNote("Closing connections …");
    isEnding = true;
    workers.end();
  };
  const reload = configuration.options.tls ? () => workers.tell("reload") : undefined;
  const removeHandlers = onEndSignal(end, reload);
  try {
    // It opens the store, and says what is wrong, if something is.
    const address = await workers.start();
    await Promise.all(Array.from({ length: count - 1 }, () => workers.start()));
    if (!workers.isEnding) writeText(banner(address, configuration, count));
    await workers.ended;
  } finally {
    removeHandlers();
  }
}

class Workers {
  /** Resolves when all have ended, rejects if one cannot run. */
  readonly ended: Promise<void>;
  readonly #running = new Set<Worker>();
  #settle: (error?: unknown) => void = () => {};
  #failure: unknown;
  #isEnding = false;

  constructor() {
    const [, script = "", ...args] = process.argv;
    cluster.setupPrimary({ exec: script, args });
    this.ended = new Promise((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
    });
    // It is waited for once all have started.
    this.ended.catch(() => {});
  }

  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Resolves when the worker listens. */
  start(): Promise<ListeningAddress> {
    return new Promise((resolve, reject) => this.#fork(0, resolve, reject));
  }

  tell(message: ToWorker): void {
    for (const worker of this.#running) if (worker.isConnected()) worker.send(message);
  }

  end(failure?: unknown): void {
    this.#failure ??= failure;
    this.#isEnding = true;
    this.tell("end");
    this.#settleIfEnded();
  }

  kill(): void {
    for (const { process } of this.#running) process.kill("SIGKILL");
  }

  /** @param shortLives of the workers before it, in a row */
  #fork(
    shortLives: number,
    onListening?: (address: ListeningAddress) => void,
    onFailed?: (error: unknown) => void,
  ): void {
    const startedAt = performance.now();
    const worker = cluster.fork();
    this.#running.add(worker);
    let hasListened = false;
    worker.on("message", ({ listening }: Partial<FromWorker>) => {
      if (listening === undefined) return;
      hasListened = true;
      // What was told before was not heard.
      if (this.#isEnding) this.tell("end");
      onListening?.(listening);
    });
    worker.once("exit", (code, signal) => {
      this.#running.delete(worker);
      const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
      if (!hasListened && onFailed !== undefined) {
        // It has said why.
        const error = new HoldfastError("HF_SERVER_STATE", `a worker ${how} before it listened`);
        this.end(error);
        onFailed(error);
        return;
      }
      if (this.#isEnding) {
        this.#settleIfEnded();
        return;
      }
      const isShort = performance.now() - startedAt < shortLifeMs;
      this.#restart(worker.process.pid, how, isShort ? shortLives + 1 : 0);
    });
  }

  #restart(pid: number | undefined, how: string, shortLives: number): void {
    if (shortLives >= maxShortLives) {
      this.end(
        new HoldfastError(
          "HF_SERVER_STATE",
          `workers cannot run: one after the other ended within ${shortLifeMs / 1000} seconds of its start, and the last one ${how}`,
        ),
      );
      return;
    }
    const delayMs = shortLives === 0 ? 0 : Math.min(maxDelayMs, firstDelayMs * 2 ** (shortLives - 1));
    writeNote(
      `holdfast: worker ${pid} ${how}; another one is started${delayMs > 0 ? ` in ${delayMs} ms` : ""}`,
    );
    setTimeout(() => {
      if (!this.#isEnding) this.#fork(shortLives);
    }, delayMs);
  }

  #settleIfEnded(): void {
    if (this.#isEnding && this.#running.size === 0) this.#settle(this.#failure);
  }
}

/** What the first process asks of a worker. */
export interface WorkerServer {
  end(): Promise<void>;
  reload(): void;
}

/** Serves until the first process, or a signal to this one alone, ends it. */
export async function serveAsWorker(listening: ListeningAddress, server: WorkerServer): Promise<void> {
  const { worker } = cluster;
  if (worker === undefined) return;
  // Otherwise it would exit at once when the first process is gone.
  worker.exitedAfterDisconnect = true;
  const ignore = () => {};
  process.on("SIGINT", ignore);
  process.on("SIGHUP", ignore);
  await new Promise<void>((resolve, reject) => {
    let isEnding = false;
    const end = () => {
      if (isEnding) return;
      isEnding = true;
      server.end().then(resolve, reject);
    };
    process.on("SIGTERM", end);
    process.once("disconnect", end);
    process.on("message", (message: ToWorker) => {
      if (message === "end") end();
      else if (message === "reload") server.reload();
    });
    process.send?.({ listening } satisfies FromWorker);
  });
  if (process.connected) process.disconnect();
}
