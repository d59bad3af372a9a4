/** `holdfast serve` in a process of its own, started as its users start it, reloaded and restarted. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createDataFolder, removeDataFolder } from "./running-server.js";

const answerTimeoutMs = 120_000;
const program = fileURLToPath(new URL("../../packages/holdfast/bin/holdfast.js", import.meta.url));

/** `holdfast serve`, as it is deployed. */
export class HoldfastServe {
  readonly #port: number;
  readonly #folder = createDataFolder();
  #child: ChildProcess | undefined;
  #written = "";

  constructor(port: number) {
    this.#port = port;
  }

  async start(): Promise<void> {
    const unlimited = [
      "--max-address-connections",
      "--address-connections-per-second",
      "--max-address-handshakes",
      "--shed-above-lag-ms",
    ].flatMap((flag) => [flag, "none"]);
    const args = ["serve", "--port", String(this.#port), "--data", join(this.#folder, "data"), ...unlimited];
    const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    process.once("exit", () => child.kill("SIGKILL"));
    this.#child = child;
    this.#written = "";
    for (const output of [child.stdout, child.stderr])
      output?.on("data", (chunk) => {
        this.#written += chunk;
      });
    await this.#until(/is listening on/);
  }

  async reload(): Promise<void> {
    this.#written = "";
    this.#child?.kill("SIGHUP");
    await this.#until(/the new version runs/);
  }

  async restart(): Promise<void> {
    await this.#end();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#end();
    removeDataFolder(this.#folder);
  }

  async #end(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.kill("SIGTERM");
    await ended;
  }

  async #until(pattern: RegExp): Promise<void> {
    const endsAt = performance.now() + answerTimeoutMs;
    while (!pattern.test(this.#written)) {
      if (this.#child?.exitCode != null || performance.now() > endsAt || /not reloaded/.test(this.#written))
        throw new Error(`holdfast serve: ${this.#written}`);
      await sleep(5);
    }
  }
}
