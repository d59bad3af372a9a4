/** The built server as a process of its own, as a person would start it, on a port that it can be started on again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { endProcess } from "../../packages/holdfast/test/support/child-process.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";

const root = join(import.meta.dirname, "../..");
const program = join(root, "packages/holdfast/bin/holdfast.js");
const showcase = join(root, "apps/showcase/dist/server/main.js");

export interface ServedChatOptions {
  /** Serves https:, with a certificate that no browser knows. */
  readonly isSecure?: boolean;
  /** Whether it runs the chat's application. @default true */
  readonly hasShowcase?: boolean;
  /** Further flags of `holdfast serve`. */
  readonly flags?: readonly string[];
}

/** For a store; it goes with the test. */
export function createFolder(): string {
  return createTemporaryFolder("chat");
}

export class ServedChat {
  readonly port: number;
  readonly #origin: string;
  /** The program and its arguments. */
  readonly #command: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(
    port: number,
    { isSecure = false, hasShowcase = true, flags: further = [] }: ServedChatOptions,
  ) {
    const start = hasShowcase ? [showcase] : [program, "serve"];
    this.port = port;
    this.#origin = `${isSecure ? "https" : "http"}://localhost:${port}`;
    const tls = isSecure ? ["--tls-cert", certFile, "--tls-key", keyFile] : [];
    this.#command = [...start, "--port", String(port), ...further, ...tls];
  }

  /** Starts a server that ends with the test. */
  static async start(options: ServedChatOptions = {}): Promise<ServedChat> {
    const served = await ServedChat.#create(options);
    onTestFinished(() => served.end());
    await served.startAgain();
    return served;
  }

  /** Starts a server for several tests, which the caller has to end. */
  static async startShared(options: ServedChatOptions = {}): Promise<ServedChat> {
    const served = await ServedChat.#create(options);
    await served.startAgain();
    return served;
  }

  static async #create(options: ServedChatOptions): Promise<ServedChat> {
    if (!existsSync(showcase)) throw new Error(`${showcase} is missing: run npm run build`);
    return new ServedChat(await findFreePort(), options);
  }

  /** Of the chat. */
  get url(): string {
    return `${this.#origin}/chat/`;
  }

  /** Of a page of the showcase, such as `ticker`. */
  pageUrl(page: string): string {
    return `${this.#origin}/${page}/`;
  }

  async startAgain(): Promise<void> {
    const server = spawn(process.execPath, this.#command, {
      stdio: ["ignore", "pipe", "pipe"],
      // Unless a test asks for a store, nothing is left behind in the folder it runs in.
      env: { ...process.env, HOLDFAST_DATA: "memory" },
    });
    this.#process = server;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes(this.#origin)) resolve();
      };
      server.stdout.on("data", listen);
      server.stderr.on("data", listen);
      server.once("error", reject);
      server.once("exit", (code) => reject(new Error(`the server ended with ${code}: ${said}`)));
    });
  }

  /** Ends the process without a warning, as a crash does. */
  async end(): Promise<void> {
    const server = this.#process;
    this.#process = undefined;
    if (server) await endProcess(server);
  }

  /** Publishes from the command line. */
  async publish(channel: string, data: unknown): Promise<void> {
    const url = this.#origin;
    const command = [program, "publish", channel, JSON.stringify(data), "--url", url];
    const publisher = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const output of [publisher.stdout, publisher.stderr])
      output.on("data", (chunk) => {
        said += chunk;
      });
    const [code] = await once(publisher, "exit");
    if (code !== 0) throw new Error(`publish ended with ${code}: ${said}`);
  }
}
