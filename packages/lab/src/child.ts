/** A child process of a run: requests to it, its events, and its end. Every wait is bounded and says what it waited for. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "holdfast";

type ParamsOf<A, K extends keyof A> = A[K] extends { readonly params: infer P } ? P : never;
type ResultOf<A, K extends keyof A> = A[K] extends { readonly result: infer R } ? R : never;

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

const replyTimeoutMs = 30_000;
const exitTimeoutMs = 3000;
const maxErrorCharacters = 2000;
const stderrGraceMs = 50;

export interface ChildOptions {
  readonly name: string;
  /** The compiled module. */
  readonly module: URL | string;
  readonly args?: readonly string[];
  readonly onEvent?: (event: object) => void;
}

export class Child<A extends object> {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  #nextId = 1;
  #errors = "";
  #fault: Error | undefined;
  #isStopping = false;

  constructor({ name, module, args = [], onEvent }: ChildOptions) {
    this.#name = name;
    const path = typeof module === "string" ? module : fileURLToPath(module);
    this.#process = fork(path, args, {
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      execArgv: ["--expose-gc"],
      env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-maxErrorCharacters);
    });
    this.#process.on("message", (message: object) => this.#receive(message, onEvent));
    this.#process.on("error", (error) => this.#failAll(error.message));
    this.#exited = new Promise((resolve) => {
      // Node.js emits no "close" where this end has disconnected.
      this.#process.once("exit", (code, signal) => {
        resolve();
        // The end of its standard error may come a little later.
        setTimeout(() => {
          this.#failAll(`ended (${signal ?? `code ${code}`})${this.#errors && `: ${this.#errors.trim()}`}`);
        }, stderrGraceMs);
      });
    });
  }

  /**
   * @throws HF_LAB_FAILED when it ends first, replies with an error, or takes too long
   */
  request<K extends keyof A & string>(
    name: K,
    params: ParamsOf<A, K>,
    timeoutMs = replyTimeoutMs,
  ): Promise<ResultOf<A, K>> {
    const id = this.#nextId++;
    return this.#wait(id, `its reply to ${name}`, timeoutMs, () =>
      this.#process.send({ request: name, id, params }, (error) => {
        if (error) this.#settle(id)?.reject(this.#error(`cannot be reached: ${error.message}`));
      }),
    ) as Promise<ResultOf<A, K>>;
  }

  /** Resolves with what it sends once it is ready. */
  ready<T>(): Promise<T> {
    return this.#wait(0, "its start", replyTimeoutMs, () => {}) as Promise<T>;
  }

  /** Resolves when it is gone: at its own pace, or killed after a while. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), exitTimeoutMs);
    if (this.#process.connected) this.#process.disconnect();
    await this.#exited;
    clearTimeout(timer);
  }

  #wait(id: number, what: string, timeoutMs: number, start: () => void): Promise<unknown> {
    if (this.#fault) return Promise.reject(this.#fault);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#settle(id)?.reject(this.#error(`${what} did not come within ${timeoutMs / 1000} s`));
      }, timeoutMs);
      this.#waiting.set(id, { timer, resolve, reject });
      start();
    });
  }

  #receive(message: object, onEvent: ChildOptions["onEvent"]): void {
    if (!("id" in message)) {
      onEvent?.(message);
      return;
    }
    const { id, value, error } = message as { id: number; value?: unknown; error?: string };
    const waiting = this.#settle(id);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(this.#error(error));
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    clearTimeout(waiting?.timer);
    return waiting;
  }

  #failAll(reason: string): void {
    const how = this.#isStopping ? "was stopped" : reason;
    this.#fault ??= this.#error(how);
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(this.#fault);
  }

  #error(reason: string): HoldfastError {
    return new HoldfastError("HF_LAB_FAILED", `${this.#name}: ${reason}`);
  }
}
