/** The application that clients are tested against, on a real server; everything ends with the test. */
import { onTestFinished } from "vitest";
import { z } from "zod";
import {
  channel,
  createServer,
  defineApp,
  type HoldfastServer,
  reject,
  rpc,
  type ServerOptions,
} from "../../../holdfast/src/index.js";
import type { ClientOptions } from "../../src/node.js";
import { type Client, connect } from "../../src/node.js";

/** On its own: written inside `defineApp`, a channel with no `publish` hook is of unknown data to the compiler. */
const news = channel({ data: z.string() });

export const chatApp = defineApp({
  authenticate: ({ token, data }) => {
    if (token === "nobody") return undefined;
    const name = token ?? (data as { name?: string } | undefined)?.name ?? "ann";
    return { id: name, info: { name }, ...(name === "watched" && { channels: ["news"] }) };
  },
  channels: {
    "club:{room}": channel({ presence: true, allow: { presence: "role:member" } }),
    "chat:{room}": channel({
      data: z.object({ text: z.string().max(1000), sentAt: z.coerce.number().default(0) }),
      presence: true,
      joinLeave: true,
      publish: ({ user, data }) => ({ ...data, from: user.id }),
      allow: { publish: "all", history: "all" },
    }),
    news,
    "secret:{path*}": channel({ subscribe: () => reject(403, "not for you"), allow: { publish: "all" } }),
    "board:{game}": channel({
      kind: "map",
      data: z.object({ points: z.number() }),
      allow: { publish: "all" },
    }),
    "live:{room}": channel({ kind: "live", history: false, data: z.number(), allow: { publish: "all" } }),
  },
  rpc: {
    add: rpc({ input: z.object({ a: z.number(), b: z.number() }), handler: ({ data }) => data.a + data.b }),
    whoAmI: rpc<undefined, undefined, { id: string }>({ handler: ({ user }) => ({ id: user.id }) }),
    fail: rpc({ handler: () => reject(409, "that is taken") }),
  },
});

export type ChatApp = typeof chatApp;

export interface RunningChat {
  readonly server: HoldfastServer<ChatApp>;
  readonly url: string;
  readonly port: number;
}

export async function startChat(options: ServerOptions = {}): Promise<RunningChat> {
  const server = createServer(chatApp, { port: 0, pages: null, ...options });
  onTestFinished(() => server.close());
  const { url, port } = await server.listen();
  return { server, url, port };
}

export function join(url: string, options: ClientOptions = {}): Client<ChatApp> {
  const client = connect<ChatApp>(url, { minReconnectDelayMs: 10, maxReconnectDelayMs: 100, ...options });
  onTestFinished(() => client.close());
  return client;
}
