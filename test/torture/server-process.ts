/**
 * The server under torture as a child process that dies and comes back: on the same port and data folder, after the
 * loss of its memory alone, or of what the disk had not been told to keep as well.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { describeRules, type Loss } from "./channels.js";
import type { Mutation } from "./mutations.js";
import { cutPower } from "./power-cut.js";
import { Random } from "./random.js";

export interface ServerProcessOptions {
  readonly port: number;
  /** Data folder; undefined for a server that keeps everything in memory. */
  readonly data: string | undefined;
  /** File, outside of the data folder, with what has been flushed; see power-hook.mjs. */
  readonly flushLog: string;
  readonly apiKey: string;
  /** What its wall clock is ahead of the machine's when it starts for the first time. */
  readonly shiftMs: number;
  /** How it is broken on purpose. */
  readonly mutation: Mutation | undefined;
  readonly onFailure: (text: string) => void;
}

const startTimeoutMs = 20_000;
const maxErrorCharacters = 4000;

export class ServerProcess {
  readonly #options: ServerProcessOptions;
  /** Outlasts the process, as a machine's clock does. */
  #shiftMs: number;
  #isDiskFull = false;
  #resume: NodeJS.Timeout | undefined;
  #child: ChildProcess | undefined;
  #isEnding = false;
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
    const timeout = AbortSignal.timeout(startTimeoutMs);
    const exited = once(child, "exit", { signal: timeout }).then(() => "exited");
    const listening = new Promise<string>((resolve) => {
      child.on("message", ({ isListening }: { isListening?: true }) => {
        if (isListening) resolve("listening");
      });
    });
    const outcome = await Promise.race([exited, listening]).catch(() => "silent");
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
    if (loss === "kill" || data === undefined) return;
    await cutPower(data, flushLog, new Random(tearSeed));
    this.#boot++;
    this.#isAfterPowerCut = true;
  }

  /** With no chance to do anything more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    this.#isEnding = true;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  #spawn(): { readonly child: ChildProcess; readonly errors: () => string } {
    const { port, data = null, flushLog, apiKey, mutation, onFailure } = this.#options;
    const settings = JSON.stringify({ port, data, apiKey, traits: JSON.parse(describeRules()) });
    const hooks = ["faults-hook.mjs", "power-hook.mjs", ...(mutation ? ["mutation-hook.mjs"] : [])];
    this.#isDiskFull = false;
    const child = fork(join(import.meta.dirname, "server.mjs"), [settings], {
      execArgv: hooks.flatMap((file) => ["--import", pathToFileURL(join(import.meta.dirname, file)).href]),
      env: {
        ...process.env,
        NODE_OPTIONS: "",
        HOLDFAST_TORTURE_FLUSH_LOG: flushLog,
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
      if (!this.#isEnding) onFailure(`the server ended by itself with ${signal ?? code}: ${errors}`);
    });
    child.on("message", ({ error }: { error?: string }) => {
      if (error !== undefined) onFailure(`the server reported ${error}`);
    });
    return { child, errors: () => errors };
  }
}
