/**
 * The server under torture as a child process that dies and comes back: on the same port and data folder, after the
 * loss of its memory alone, or of what the disk had not been told to keep as well.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { type Loss, type Store, traitsByPrefix } from "./channels.js";
import type { Mutation } from "./mutations.js";
import { cutPower } from "./power-cut.js";
import { Random } from "./random.js";

export interface ServerProcessOptions {
  readonly port: number;
  /** Data folder; undefined for a server that keeps everything in memory, or in the store of a broker. */
  readonly data: string | undefined;
  /** URL of the broker that it shares with others. */
  readonly broker?: string;
  /** Port of a server of the store → port that the process reaches it at instead. */
  readonly routes?: ReadonlyMap<number, number>;
  /** What channels promise. */
  readonly store: Store;
  /** File, outside of the data folder, with what has been flushed, see power-hook.mjs; undefined where power is never cut. */
  readonly flushLog: string | undefined;
  readonly apiKey: string;
  /** What its wall clock is ahead of the machine's when it starts for the first time. */
  readonly shiftMs: number;
  /** How it is broken on purpose. */
  readonly mutation: Mutation | undefined;
  /** Codes of errors that it may report. @default none */
  readonly ignoredErrors?: readonly string[];
  readonly onFailure: (text: string) => void;
}

/** Longer than a node waits for its store. */
const startTimeoutMs = 120_000;
const closeTimeoutMs = 60_000;
const maxErrorCharacters = 4000;

export class ServerProcess {
  readonly #options: ServerProcessOptions;
  /** Outlasts the process, as a machine's clock does. */
  #shiftMs: number;
  #isDiskFull = false;
  #resume: NodeJS.Timeout | undefined;
  #child: ChildProcess | undefined;
  #isEnding = false;
  /** Whoever starts it is told when it ends. */
  #isStarting = false;
  /** Number of the machine's boot, as far as the server knows. */
  #boot = 0;
  /** Whether it has not come up since the last power cut. */
  #isAfterPowerCut = false;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    this.#shiftMs = options.shiftMs;
  }

  /** Stops it for a time, as a machine does that is paused. It may be killed meanwhile. */
  suspend(ms: number): void {
    const child = this.#child;
    if (child === undefined || this.#resume !== undefined || !child.kill("SIGSTOP")) return;
    this.#resume = setTimeout(() => {
      this.#resume = undefined;
      child.kill("SIGCONT");
    }, ms);
  }

  /** Moves its wall clock, for good. */
  stepClock(ms: number): void {
    this.#shiftMs += ms;
    this.#child?.send({ shiftMs: this.#shiftMs }, () => {});
  }

  /** Whether its journals find no room. A server that starts finds room. */
  setDiskFull(isFull: boolean): void {
    this.#isDiskFull = isFull;
    this.#child?.send({ isFull }, () => {});
  }

  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  /** @throws Error when it does not listen in time */
  async start(): Promise<void> {
    const { child, errors } = this.#spawn();
    this.#isStarting = true;
    const timeout = AbortSignal.timeout(startTimeoutMs);
    const exited = once(child, "exit", { signal: timeout }).then(() => "exited");
    const listening = new Promise<string>((resolve) => {
      child.on("message", ({ isListening }: { isListening?: true }) => {
        if (isListening) resolve("listening");
      });
    });
    const outcome = await Promise.race([exited, listening]).catch(() => "silent");
    this.#isStarting = false;
    if (outcome !== "listening") throw new Error(`the server did not start (${outcome}): ${errors()}`);
    this.#isAfterPowerCut = false;
  }

  /** Starts it and kills it a moment later, whatever it is at by then. @param onKill called right before */
  async startBriefly(ms: number, onKill: () => void): Promise<void> {
    this.#spawn();
    await sleep(ms);
    onKill();
    await this.kill();
  }

  /** Kills it. After a power cut, its files hold no more than a disk must have kept. */
  async end(loss: Loss, tearSeed: number): Promise<void> {
    await this.kill();
    const { data, flushLog } = this.#options;
    if (loss === "kill" || data === undefined || flushLog === undefined) return;
    await cutPower(data, flushLog, new Random(tearSeed));
    this.#boot++;
    this.#isAfterPowerCut = true;
  }

  /** Closes it, as for a deploy. What does not end in time is killed. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasExited(child)) return;
    this.#isEnding = true;
    const exited = once(child, "exit");
    child.send({ isClosing: true }, () => {});
    const late = setTimeout(() => {
      this.#options.onFailure("the server did not close in time");
      child.kill("SIGKILL");
    }, closeTimeoutMs);
    await exited;
    clearTimeout(late);
  }

  /** With no chance to do anything more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasExited(child)) return;
    this.#isEnding = true;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  #spawn(): { readonly child: ChildProcess; readonly errors: () => string } {
    const { port, data = null, broker, routes, store, flushLog, apiKey, mutation, onFailure } = this.#options;
    const settings = JSON.stringify({ port, data, broker, apiKey, traits: traitsByPrefix(store) });
    const hooks = [
      "faults-hook.mjs",
      ...(flushLog === undefined ? [] : ["power-hook.mjs"]),
      ...(routes ? ["routes-hook.mjs"] : []),
      ...(mutation ? ["mutation-hook.mjs"] : []),
    ];
    this.#isDiskFull = false;
    const child = fork(join(import.meta.dirname, "server.mjs"), [settings], {
      execArgv: hooks.flatMap((file) => ["--import", pathToFileURL(join(import.meta.dirname, file)).href]),
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        ...(flushLog !== undefined && { HOLDFAST_TORTURE_FLUSH_LOG: flushLog }),
        ...(routes && { HOLDFAST_TORTURE_ROUTES: JSON.stringify([...routes]) }),
        HOLDFAST_TORTURE_SHIFT_MS: String(this.#shiftMs),
        ...(mutation && { HOLDFAST_TORTURE_MUTATION: JSON.stringify(mutation) }),
        HOLDFAST_TORTURE_BOOT: `boot ${this.#boot} of ${process.pid}`,
        // LMDB then goes back to what it has flushed.
        ...(this.#isAfterPowerCut && { LMDB_RESTORE: "safe" }),
      },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#child = child;
    this.#isEnding = false;
    let errors = "";
    child.stderr?.on("data", (chunk) => {
      errors = (errors + chunk).slice(-maxErrorCharacters);
    });
    child.once("exit", (code, signal) => {
      if (!this.#isEnding && !this.#isStarting)
        onFailure(`the server ended by itself with ${signal ?? code}: ${errors}`);
    });
    child.on("message", ({ error, code = "" }: { error?: string; code?: string }) => {
      const isIgnored = this.#options.ignoredErrors?.includes(code) === true;
      if (error !== undefined && !isIgnored) onFailure(`the server reported ${error}`);
    });
    return { child, errors: () => errors };
  }
}

function hasExited({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
