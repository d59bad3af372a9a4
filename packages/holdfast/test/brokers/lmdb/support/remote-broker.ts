/** A broker in a child process, which can be killed in the middle of its work. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type {
  HistoryPage,
  HistoryQuery,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "../../../../src/channels/log.js";
import type { LmdbBrokerOptions, Position } from "../../../../src/index.js";

const script = join(import.meta.dirname, "broker-process.mjs");

export type RemoteOptions = Omit<LmdbBrokerOptions, "clock" | "createEpoch" | "schedule" | "onError">;

export interface RemoteError {
  readonly code?: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: RemoteError;
}

interface Call {
  resolve(result: unknown): void;
  reject(error: RemoteError): void;
}

export class RemoteBroker {
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #calls = new Map<number, Call>();
  #lastId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exit = once(child, "exit");
    child.on("message", (message) => this.#receive(message as Answer));
    child.on("error", () => {});
    onTestFinished(() => this.kill());
  }

  static async start({ maxFileKb }: { readonly maxFileKb?: number } = {}): Promise<RemoteBroker> {
    const child =
      maxFileKb === undefined
        ? fork(script)
        : spawn("bash", ["-c", `ulimit -S -f ${maxFileKb}; exec "${process.execPath}" "${script}"`], {
            stdio: ["ignore", "inherit", "inherit", "ipc"],
          });
    const remote = new RemoteBroker(child);
    await once(child, "message");
    return remote;
  }

  static async open(options: RemoteOptions): Promise<RemoteBroker> {
    const remote = await RemoteBroker.start();
    await remote.open(options);
    return remote;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  open(options: RemoteOptions): Promise<unknown> {
    return this.#call("open", options);
  }

  close(): Promise<unknown> {
    return this.#call("close");
  }

  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult> {
    return this.#call("publish", channel, publication, options) as Promise<PublishResult>;
  }

  subscribe(channel: string): Promise<Position> {
    return this.#call("subscribe", channel) as Promise<Position>;
  }

  history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#call("history", channel, query) as Promise<HistoryPage>;
  }

  /** Ends the process at once. Calls that were not answered until then stay so. */
  async kill(): Promise<void> {
    if (this.isAlive) this.#child.kill("SIGKILL");
    await this.#exit;
  }

  #call(method: string, ...args: unknown[]): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#child.send({ id, method, args }, () => {});
    });
  }

  #receive({ id, result, error }: Answer): void {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error) call?.reject(error);
    else call?.resolve(result);
  }
}
