/**
 * `holdfast serve` in several processes. The first process starts workers (node:cluster), which run the same command, passes signals on,
 * starts those that die again, and replaces them by others of a newer version (reload). With more than one worker it serves nothing
 * itself. A server without workers becomes such a first process with its first reload: it gives all that it has to one worker, and stays,
 * since systemd, Docker and terminals hold on to the process that they have started.
 */
import cluster, { type Worker } from "node:cluster";
import { availableParallelism } from "node:os";
import { assertConfiguration, type Configuration } from "../config/load-config.js";
import { HoldfastError, invalidOption, messageOf } from "../errors.js";
import type { ListeningAddress } from "../index.js";
import { configOnlyOptions } from "../options/schema.js";
import type { HandoverLink, HandoverMessage, ListeningHandles } from "../server/handover.js";
import { closeHandle } from "../sockets/passed-socket.js";
import { banner } from "./banner.js";
import { onEndSignal, writeNote, writeText } from "./terminal.js";
import type { FromWorker, HandleName, ToWorker } from "./worker.js";

/** A worker that ends sooner than this after its start counts as one that cannot run. */
const shortLifeMs = 10_000;
const maxShortLives = 5;
const firstDelayMs = 250;
const maxDelayMs = 5000;
/** For the new version to load its configuration, open its store and listen. */
const startTimeoutMs = 60_000;

/** @throws HF_OPTION_INVALID if the number is invalid, or the workers would share no store */
export function countWorkers(configuration: Configuration): number {
  const value = configuration.settings.get("workers")?.value ?? 1;
  const { isValid, accepts } = configOnlyOptions.workers;
  if (!isValid(value)) throw invalidOption("workers", accepts, JSON.stringify(value));
  const count = value === "auto" ? availableParallelism() : Number(value);
  if (count > 1 && !hasSharedStore(configuration))
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      "workers need a store that they share: set data to a folder, or broker to a server's URL",
      { details: { option: "workers" } },
    );
  return count;
}

/** Whether several processes can use the store at a time. */
function hasSharedStore({ options: { data, broker } }: Configuration): boolean {
  const isExclusive = typeof broker === "string" && broker.startsWith("lmdb:");
  return (data ?? broker) != null && !isExclusive;
}

/** Why the server cannot be replaced while it runs; undefined if it can be. */
function findReloadFault(configuration: Configuration): string | undefined {
  const { unixSocket } = configuration.options;
  if (!hasSharedStore(configuration))
    return "the new version could not use the store beside this one: set data to a folder, or broker to a server's URL";
  if (unixSocket != null) return "a server that listens on a Unix socket has to be restarted";
  return undefined;
}

/**
 * Serves in workers until a signal ends them.
 * @throws HF_SERVER_STATE if workers cannot run
 */
export async function superviseWorkers(configuration: Configuration, count: number): Promise<void> {
  assertConfiguration(configuration);
  const workers = new Workers({});
  const removeHandlers = onSupervisorSignals(workers, configuration);
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

function onSupervisorSignals(workers: Workers, configuration: Configuration): () => void {
  let isEnding = false;
  const end = () => {
    // A second signal does not wait.
    if (isEnding) workers.kill();
    else if (!workers.isEnding) writeNote("Closing connections …");
    isEnding = true;
    workers.end();
  };
  const reload = () => void workers.replaceAll(findReloadFault(configuration));
  workers.onReload = reload;
  const hangUp = configuration.options.tls ? () => workers.tell("certificate") : reload;
  const removeHandlers = onEndSignal(end, hangUp);
  process.on("SIGUSR2", reload);
  return () => {
    removeHandlers();
    process.off("SIGUSR2", reload);
  };
}

/** A server in this process that can become the first of several. */
export interface ReloadableServer {
  readonly configuration: Configuration;
  readonly listeningHandles: ListeningHandles;
  give(link: HandoverLink): Promise<number>;
  drain(): Promise<void>;
  /** There is a new version, which has to end with this one. */
  onStarted(end: () => void): void;
  /** The new version has all that it can have: signals are its from now on. */
  onMoved(): void;
}

/**
 * Starts the new version of a server, and gives it all that this process has. Resolves when the workers that have followed have ended;
 * if there is none, because the new version has not started, at once.
 * @returns whether this process has given up serving
 */
export async function moveToWorker(server: ReloadableServer): Promise<boolean> {
  const { configuration } = server;
  const fault = findReloadFault(configuration);
  if (fault !== undefined) {
    writeNote(`holdfast: not reloaded: ${fault}`);
    return false;
  }
  const workers = new Workers(server.listeningHandles);
  server.onStarted(() => workers.end());
  const worker = await workers.startSuccessor();
  if (worker === undefined) return false;
  try {
    const given = await server.give(linkTo(worker));
    writeNote(
      `holdfast: the new version runs (process ${worker.process.pid}), with ${given} connections of this one`,
    );
  } catch (error) {
    writeNote(`holdfast: not reloaded: ${messageOf(error)}; this version goes on`);
    workers.abandon(worker);
    return false;
  }
  workers.settle(worker);
  server.onMoved();
  const removeHandlers = onSupervisorSignals(workers, configuration);
  try {
    await Promise.all([server.drain(), workers.ended]);
  } finally {
    removeHandlers();
  }
  return true;
}

/** From this process to a worker. */
function linkTo(worker: Worker): HandoverLink {
  const link: HandoverLink = {
    get isClosed() {
      return !worker.isConnected();
    },
    onMessage() {},
    send: (message, handle) => sendTo(worker, message, handle),
  };
  worker.on("message", (message: FromWorker, handle: object | undefined) => {
    if (isHandover(message)) link.onMessage(message, handle);
  });
  sendTo(worker, "take").catch(() => {});
  return link;
}

function isHandover(message: unknown): message is HandoverMessage {
  return typeof message === "object" && message !== null && "handover" in message;
}

/** Resolves once it is on its way, and with a handle once the worker has that. */
function sendTo(worker: Worker, message: ToWorker | HandoverMessage, handle?: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = () => reject(new HoldfastError("HF_SERVER_STATE", "the worker has ended"));
    if (!worker.isConnected()) {
      fail();
      return;
    }
    // Of handles that wait for a worker when it dies, Node.js says nothing.
    if (handle) worker.once("exit", fail);
    // Handles of connections and of listening sockets, which the types of Node.js do not know.
    worker.send(message as object, handle as never, (error) => {
      worker.off("exit", fail);
      if (error) reject(error);
      else resolve();
    });
  });
}

class Workers {
  /** Resolves when all have ended, rejects if one cannot run. */
  readonly ended: Promise<void>;
  /** A worker was asked to have the server reloaded. */
  onReload: () => void = () => {};
  readonly #running = new Set<Worker>();
  /** Workers that others replace, or that are to replace others: their end is no fault. */
  readonly #changing = new Set<Worker>();
  /** For workers that do not open them through node:cluster. */
  readonly #handles: Map<HandleName, object>;
  /** Those of `#handles` that are nobody else's. */
  readonly #copies = new Set<HandleName>();
  #isReplacing = false;
  #settle: (error?: unknown) => void = () => {};
  #failure: unknown;
  #isEnding = false;

  /** @param handles listening sockets that workers share instead of opening their own */
  constructor({ server, admin }: ListeningHandles) {
    const [, script = "", ...args] = process.argv;
    cluster.setupPrimary({ exec: script, args, serialization: "advanced" });
    this.#handles = new Map();
    if (server) this.#handles.set("server", server);
    if (admin) this.#handles.set("admin", admin);
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

  /** One after the other: the next one only when the successor of the one before has all of its clients. */
  async replaceAll(fault: string | undefined): Promise<void> {
    if (fault !== undefined) writeNote(`holdfast: not reloaded: ${fault}`);
    if (fault !== undefined || this.#isReplacing || this.#isEnding) return;
    this.#isReplacing = true;
    try {
      const all = [...this.#running];
      for (const worker of all) if (!(await this.#replace(worker))) return;
      if (!this.#isEnding)
        writeNote(
          `holdfast: the new version runs (${all.length === 1 ? "one process" : `${all.length} processes`})`,
        );
    } finally {
      this.#isReplacing = false;
    }
  }

  /** @returns whether to go on with others */
  async #replace(worker: Worker): Promise<boolean> {
    if (this.#isEnding) return false;
    // It has died meanwhile, and what was started instead is new.
    if (!this.#running.has(worker)) return true;
    const successor = await this.startSuccessor();
    if (successor === undefined) return false;
    this.#changing.add(worker);
    relay(worker, successor);
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    const kept = new Promise<"kept">((resolve) =>
      worker.on("message", (message: FromWorker) => message === "kept" && resolve("kept")),
    );
    await sendTo(worker, "give").catch(() => {});
    if ((await Promise.race([ended, kept])) === "kept") {
      this.#changing.delete(worker);
      this.abandon(successor);
      return false;
    }
    this.settle(successor);
    return true;
  }

  /** Resolves when it listens, or with undefined if it does not: then it is gone, and why has been said. */
  async startSuccessor(): Promise<Worker | undefined> {
    const worker = cluster.fork();
    // One of each connection that is on its way.
    worker.setMaxListeners(0);
    this.#running.add(worker);
    this.#changing.add(worker);
    this.#serveHandles(worker);
    let cancel = () => {};
    const why = await new Promise<string | undefined>((resolve) => {
      const timer = setTimeout(
        () => resolve(`the new version did not listen within ${startTimeoutMs / 1000} seconds`),
        startTimeoutMs,
      );
      cancel = () => clearTimeout(timer);
      worker.on("message", (message: FromWorker) => {
        if (typeof message === "object" && "listening" in message) resolve(undefined);
      });
      worker.once("exit", (code, signal) => {
        this.#running.delete(worker);
        resolve(`the new version ${howEnded(code, signal)} before it listened`);
        this.#settleIfEnded();
      });
    });
    cancel();
    if (why === undefined) return worker;
    if (!this.#isEnding) writeNote(`holdfast: not reloaded: ${why}; the version that runs goes on`);
    worker.process.kill("SIGKILL");
    return undefined;
  }

  /** It has all that it can have: from now on, it is a worker like any other. */
  settle(worker: Worker): void {
    this.#changing.delete(worker);
    const startedAt = performance.now();
    const onExit = (code: number, signal: string) => {
      if (this.#changing.delete(worker) || this.#isEnding) return;
      const isShort = performance.now() - startedAt < shortLifeMs;
      this.#restart(worker.process.pid, howEnded(code, signal), isShort ? 1 : 0);
    };
    if (this.#running.has(worker)) worker.once("exit", onExit);
    else if (!this.#isEnding) this.#restart(worker.process.pid, "ended after it had taken over", 1);
  }

  /** It is not needed after all. */
  abandon(worker: Worker): void {
    this.#changing.add(worker);
    worker.process.kill("SIGKILL");
  }

  /** Gives listening sockets to a worker that asks, and keeps its copies for those after it. */
  #serveHandles(worker: Worker): void {
    worker.on("message", (message: FromWorker, copy: object | undefined) => {
      if (message === "reload") this.onReload();
      if (typeof message === "object" && "shares" in message && copy) this.#keepHandle(message.shares, copy);
      if (typeof message !== "object" || !("ask" in message)) return;
      const handle = this.#handles.get(message.ask);
      sendTo(worker, { handle: message.ask, isGiven: handle !== undefined }, handle).catch(() => {});
    });
  }

  #keepHandle(name: HandleName, handle: object): void {
    if (this.#copies.has(name)) closeHandle(this.#handles.get(name) as object);
    this.#copies.add(name);
    this.#handles.set(name, handle);
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
    this.#serveHandles(worker);
    let hasListened = false;
    worker.on("message", (message: FromWorker) => {
      if (typeof message !== "object" || !("listening" in message)) return;
      hasListened = true;
      // What was told before was not heard.
      if (this.#isEnding) this.tell("end");
      onListening?.(message.listening);
    });
    worker.once("exit", (code, signal) => {
      this.#running.delete(worker);
      const how = howEnded(code, signal);
      if (!hasListened && onFailed !== undefined) {
        // It has said why.
        const error = new HoldfastError("HF_SERVER_STATE", `a worker ${how} before it listened`);
        this.end(error);
        onFailed(error);
        return;
      }
      if (this.#isEnding) this.#settleIfEnded();
      if (this.#isEnding || this.#changing.delete(worker)) return;
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

function howEnded(code: number | null, signal: string | null): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}

/** Passes what two workers say to each other on, with the handles. */
function relay(from: Worker, to: Worker): void {
  const pass = (sender: Worker, receiver: Worker) => {
    const onMessage = (message: FromWorker, handle: object | undefined) => {
      if (!isHandover(message)) return;
      const close = () => handle && closeHandle(handle);
      sendTo(receiver, message, handle).then(close, close);
    };
    sender.on("message", onMessage);
    // The one that goes on may pass its clients to another one, in its turn.
    receiver.once("exit", () => sender.off("message", onMessage));
  };
  sendTo(to, "take").catch(() => {});
  pass(from, to);
  pass(to, from);
  to.once("exit", () => void sendTo(from, "gone").catch(() => {}));
}
