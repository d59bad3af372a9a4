/** The showcase on a server of the test's own process, and people who use it over HTTP and the SDK. */

import { Centrifuge, type Subscription } from "centrifuge";
import { onTestFinished } from "vitest";
import WsWebSocket from "ws";
import {
  createServer,
  type HoldfastServer,
  type ServerOptions,
} from "../../../../../packages/holdfast/src/index.js";
import { createShowcase, type Showcase, type ShowcaseOptions } from "../../../server/showcase.js";

// biome-ignore lint/suspicious/noExplicitAny: whatever a server answers.
type Answer = any;

export interface Reply {
  readonly status: number;
  readonly body: Answer;
  readonly setCookie: string | undefined;
}

/** A code that a command was refused with. */
export async function codeOf(command: Promise<unknown>): Promise<number | "accepted"> {
  return await command.then(
    () => "accepted" as const,
    (error: { readonly code: number }) => error.code,
  );
}

export class ShowcaseServer {
  readonly errors: unknown[] = [];
  readonly moderatorKey: string;
  readonly programKey: string;
  readonly server: HoldfastServer;
  readonly #showcase: Showcase;
  #port = 0;

  private constructor(options: ShowcaseOptions, others: ServerOptions) {
    const onError = (error: unknown) => void this.errors.push(error);
    const showcase = createShowcase({ onError, ...options });
    this.#showcase = showcase;
    this.moderatorKey = showcase.moderatorKey;
    this.programKey = showcase.programKey;
    this.server = createServer(showcase.app, {
      ...{
        port: 0,
        pages: null,
        onError,
        routes: showcase.routes,
        traceSocket: showcase.traceSocket,
        apiKeys: [showcase.moderatorKey],
      },
      ...(options.data !== undefined && { data: options.data }),
      ...others,
    }) as unknown as HoldfastServer;
    showcase.use(this.server);
  }

  static async start(options: ShowcaseOptions = {}, others: ServerOptions = {}): Promise<ShowcaseServer> {
    const started = new ShowcaseServer(options, others);
    onTestFinished(async () => {
      started.#showcase.stop();
      await started.server.close();
    });
    started.#port = (await started.server.listen()).port;
    started.#showcase.start();
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async send(path: string, init: RequestInit = {}): Promise<Reply> {
    const response = await fetch(`${this.url}${path}`, init);
    const text = await response.text();
    return {
      status: response.status,
      body: text === "" ? undefined : JSON.parse(text),
      setCookie: response.headers.get("set-cookie") ?? undefined,
    };
  }

  async post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Reply> {
    return await this.send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  /** The server's HTTP interface, with the moderators' key unless another is given. */
  async api(method: string, params: object, key: string | null = this.moderatorKey): Promise<Reply> {
    return await this.post(`/api/${method}`, params, key === null ? {} : { "X-API-Key": key });
  }

  async join(name: string): Promise<Somebody> {
    const { status, body, setCookie = "" } = await this.post("/login", { name });
    if (status !== 200) throw new Error(`${name} was refused: ${JSON.stringify(body)}`);
    const { user } = (body as { session: { user: string } }).session;
    return new Somebody(this, { name, user, cookie: setCookie.split(";")[0] as string });
  }

  /** A program of this machine, which comes with the key for those. */
  tool(): Centrifuge {
    return this.connect({ "X-API-Key": this.programKey });
  }

  connect(headers: Record<string, string>): Centrifuge {
    class WithHeaders extends WsWebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols, { headers });
      }
    }
    const url = `${this.url.replace("http", "ws")}/connection/websocket`;
    const client = new Centrifuge(url, { websocket: WithHeaders, minReconnectDelay: 20 });
    onTestFinished(() => client.disconnect());
    client.connect();
    return client;
  }
}

/** Who has logged in, with one connection. */
export class Somebody {
  readonly name: string;
  readonly user: string;
  readonly cookie: string;
  readonly client: Centrifuge;

  constructor(
    server: ShowcaseServer,
    { name, user, cookie }: { name: string; user: string; cookie: string },
  ) {
    this.name = name;
    this.user = user;
    this.cookie = cookie;
    this.client = server.connect({ Cookie: cookie, Origin: server.url });
  }

  async subscribe(channel: string): Promise<Subscription> {
    const subscription = this.client.getSubscription(channel) ?? this.client.newSubscription(channel);
    subscription.subscribe();
    await subscription.ready(5000);
    return subscription;
  }

  async call(method: string, argument: unknown = {}): Promise<Answer> {
    return (await this.client.rpc(method, argument)).data;
  }

  async say(channel: string, text: string): Promise<void> {
    await this.client.publish(channel, { text });
  }

  async texts(channel: string): Promise<string[]> {
    const { publications } = await this.client.history(channel, { limit: 100 });
    return publications.map(({ data }) => (data as { text: string }).text);
  }
}
