/** Why a user did or did not get a publication: each cause is made to happen on a server, and the sentence is read. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import {
  type App,
  type Broker,
  channel,
  defineApp,
  HoldfastError,
  jwt,
  MemoryBroker,
  type ServerOptions,
  type WhyAnswer,
  type WhyCause,
} from "../../packages/holdfast/src/index.js";
import { systemClock } from "../../packages/holdfast/src/sockets/system-clock.js";
import {
  apiKey,
  inSeconds,
  secret,
  startApp,
  tokenOf,
} from "../../packages/holdfast/test/support/app-server.js";
import { noNatsReason, startNatsServers } from "../../packages/holdfast/test/support/nats-servers.js";
import { noRedisReason, RedisServer } from "../../packages/holdfast/test/support/redis-server.js";

const iso = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";
const until = (holds: () => void | Promise<void>) => vi.waitFor(holds, { timeout: 25_000, interval: 20 });

/** Everybody says who they are, and may do everything. */
const open = defineApp({
  channels: {
    news: channel({ history: { size: 100 }, tagsFilter: true, allow: { publish: "all", history: "all" } }),
    short: channel({ history: { size: 2 }, allow: { history: "all" } }),
    staff: channel({ allow: { subscribe: "role:staff" } }),
    prices: channel({ kind: "latest" }),
    off: channel({ recovery: "off" }),
  },
});
const withTokens = defineApp({
  authenticate: jwt({ secret }),
  channels: { news: channel({ history: { size: 100 } }) },
});

type Reply = Readonly<Record<string, never>> & { readonly id?: number };

/** A client that sends what it is told. */
class Client {
  readonly socket: WebSocket;
  id = "";
  readonly pushes: Reply[] = [];
  close: { readonly code: number; readonly reason: string } | undefined;
  readonly #replies = new Map<number, (reply: Reply) => void>();
  #number = 0;

  private constructor(url: string, headers: Record<string, string>) {
    this.socket = new WebSocket(url, { headers });
    this.socket.on("message", (data) => {
      for (const line of String(data).split("\n")) {
        const reply = JSON.parse(line) as Reply;
        const answered = reply.id === undefined ? undefined : this.#replies.get(reply.id);
        if (answered) answered(reply);
        else if (line === "{}") this.socket.send("{}");
        else this.pushes.push(reply);
      }
    });
    this.socket.on("close", (code, reason) => {
      this.close = { code, reason: String(reason) };
    });
    this.socket.on("error", () => {});
    onTestFinished(() => this.socket.terminate());
  }

  static async open(
    url: string,
    connect: object = {},
    headers: Record<string, string> = {},
  ): Promise<Client> {
    const client = new Client(url, headers);
    await new Promise<void>((resolve, reject) => {
      client.socket.once("open", resolve);
      client.socket.once("error", reject);
    });
    const reply = await client.command("connect", connect);
    client.id = (reply as { connect?: { client: string } }).connect?.client ?? "";
    return client;
  }

  static as(url: string, user: string): Promise<Client> {
    return Client.open(url, { data: { user } });
  }

  /** Resolves with the reply, or with nothing when the connection ends. */
  command(method: string, params: object): Promise<Reply> {
    const id = ++this.#number;
    this.socket.send(JSON.stringify({ id, [method]: params }));
    return new Promise((resolve) => {
      this.#replies.set(id, resolve);
      this.socket.once("close", () => resolve({} as Reply));
    });
  }

  subscribe(name: string, params: object = {}): Promise<Reply> {
    return this.command("subscribe", { channel: name, ...params });
  }

  async leave(): Promise<void> {
    this.socket.terminate();
    await until(() => expect(this.close).toBeDefined());
  }
}

async function start<A extends App>(app: A, options: ServerOptions = {}) {
  const { url, http, api, server } = await startApp(app, options);
  return {
    url,
    http,
    server,
    publish: async (name: string, data: unknown = 1, others: object = {}) => {
      const { body } = await api("publish", { channel: name, data, ...others });
      return body as { result: { offset: number; epoch: string }; error?: { message: string } };
    },
    call: async (method: string, params: object) => (await api(method, params)).body,
    why: async (question: object = {}): Promise<WhyAnswer> => {
      const { body } = await api("why", { channel: "news", user: "ann", ...question });
      if (body.error) throw new Error(body.error.message);
      return body.result;
    },
  };
}

/** @param sentence a pattern, where TIME stands for a time */
function expectAnswer(answer: WhyAnswer, cause: WhyCause, sentence: string): void {
  expect(answer.sentence).toMatch(new RegExp(sentence.replaceAll("TIME", iso)));
  expect(answer.cause).toBe(cause);
}

describe("why a user got a publication", () => {
  it("when it was published", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    await publish("news");
    await until(() => expect(ann.pushes).toHaveLength(1));
    const answer = await why();
    expectAnswer(
      answer,
      "delivered",
      "^ann got it at TIME, as it was published \\(publication 1 of news, published at TIME\\)\\.$",
    );
    expect(answer.publication).toMatchObject({ offset: 1, time: expect.any(Number) });
    expect(answer.evidence.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        "connected",
        expect.stringMatching(/^subscribed from offset 0 of epoch \S+, head 0$/),
        `publication 1 of epoch ${answer.publication?.epoch} was published`,
        expect.stringMatching(/^is open and live at offset 1 of 1, \d+ bytes unsent$/),
      ]),
    );
    expect(answer.evidence.find(({ text }) => text === "connected")).toMatchObject({
      client: ann.id,
      node: expect.stringMatching(/:\d+$/),
    });
  });

  it("after a reconnect, by recovery", async () => {
    const { url, publish, why } = await start(open);
    const first = await Client.as(url, "ann");
    await first.subscribe("news");
    await first.leave();
    const { result } = await publish("news");
    const again = await Client.as(url, "ann");
    await again.subscribe("news", { recover: true, epoch: result.epoch, offset: 0 });
    expectAnswer(
      await why(),
      "recovered",
      "^ann got it at TIME, when it subscribed again and recovered from offset 0 \\(",
    );
  });

  it("late, and not yet, while it did not read", async () => {
    const { url, publish, why } = await start(open, { ring: { maxEntries: 4 }, maxMessageBytes: 1_000_000 });
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    ann.socket.pause();
    const text = "x".repeat(500_000);
    let offset = 0;
    await until(async () => {
      ({ offset } = (await publish("news", text)).result);
      expect((await why()).cause).toBe("behind");
    });
    expectAnswer(
      await why({ offset }),
      "behind",
      `^ann did not get publication ${offset} of news, published at TIME: it is behind since TIME, with everything up to offset \\d+: its socket is full \\(\\d+ bytes wait for it\\)\\.$`,
    );
    await until(async () => {
      const { evidence } = await why({ offset });
      expect(evidence.some(({ text: each }) => /behind since/.test(each))).toBe(true);
    });
    const { result } = await publish("news");
    ann.socket.resume();
    await until(async () =>
      expectAnswer(
        await why({ offset: result.offset }),
        "late",
        "^ann was behind from TIME to TIME, and got it by then",
      ),
    );
  });

  it("as one of two connections, and says what became of the other", async () => {
    const { url, publish, why } = await start(open);
    const [one, two] = [await Client.as(url, "ann"), await Client.as(url, "ann")];
    await one.subscribe("news");
    await publish("news");
    await until(() => expect(one.pushes).toHaveLength(1));
    expectAnswer(
      await why(),
      "delivered",
      `; another of its connections did not: ${two.id} was connected since TIME, and not subscribed\\.$`,
    );
    expectAnswer(await why({ client: two.id }), "not_subscribed", "^ann did not get publication 1");
  });
});

describe("why a user did not get a publication", () => {
  it("no connection was open", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    await ann.leave();
    await until(async () => expect((await why()).cause).toBe("nothing_published"));
    await publish("news");
    await until(async () =>
      expectAnswer(
        await why(),
        "connection_ended",
        "it lost its connection at TIME, with everything up to offset 0: the client or the network ended it\\.$",
      ),
    );
    const bo = await Client.as(url, "bo");
    await bo.leave();
    await until(async () => {
      await publish("news");
      expectAnswer(
        await why({ user: "bo" }),
        "not_connected",
        "^bo had no open connection at the time of publication \\d+ of news, published at TIME: it had lost its connection at TIME: the client or the network ended it\\.$",
      );
    });
  });

  it("it was not subscribed, or only later", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await publish("news");
    expectAnswer(await why(), "not_subscribed", "it was connected since TIME, and not subscribed\\.$");
    await ann.subscribe("news");
    expectAnswer(
      await why(),
      "subscribed_after",
      "it subscribed at TIME, from offset 1 on, without recovering what came before\\.$",
    );
  });

  it("its tags filter leaves it out", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news", { tf: { key: "city", cmp: "eq", val: "Rome" } });
    await publish("news", 1, { tags: { city: "Oslo" } });
    await publish("news", 2, { tags: { city: "Rome" } });
    await until(() => expect(ann.pushes).toHaveLength(1));
    expectAnswer(
      await why({ offset: 1 }),
      "filtered",
      "it was subscribed with a tags filter that its tags do not pass\\.$",
    );
    expect((await why({ offset: 2 })).cause).toBe("delivered");
    await ann.leave();
    await until(async () =>
      expect((await why({ offset: 1 })).evidence.at(-1)?.text).toMatch(/connection ended|records begin/),
    );
    expect((await why({ offset: 1 })).cause).toBe("filtered");
    expect(JSON.stringify(await why({ offset: 1 }))).not.toContain("Rome");
  });

  it("it may not subscribe, and the refusal names the rule", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await ann.subscribe("staff");
    await publish("staff");
    expectAnswer(
      await why({ channel: "staff" }),
      "subscribe_denied",
      "it was refused the subscription at TIME: permission denied: channel pattern staff allows subscribe to certain roles; this connection has none of these roles \\(code 103\\)\\.$",
    );
  });

  it("recovery was refused: retention, epoch, position, or no recovery at all", async () => {
    const { url, publish, why } = await start(open);
    let epoch = "";
    for (let i = 0; i < 5; i++) ({ epoch } = (await publish("short")).result);
    const subscribe = async (user: string, name: string, params: object) => {
      const client = await Client.as(url, user);
      await client.subscribe(name, { recover: true, ...params });
    };
    await subscribe("ann", "short", { epoch, offset: 1 });
    expectAnswer(
      await why({ channel: "short", offset: 5 }),
      "recovery_expired",
      "it subscribed at TIME, from offset 5 on; recovery was refused: publications from 2 to 3 are no longer kept\\.$",
    );
    await subscribe("bo", "short", { epoch: "another", offset: 1 });
    expectAnswer(
      await why({ channel: "short", user: "bo" }),
      "recovery_epoch",
      "recovery was refused: the position is of another epoch\\.$",
    );
    await subscribe("cy", "short", { epoch, offset: 99 });
    expectAnswer(
      await why({ channel: "short", user: "cy" }),
      "recovery_ahead",
      "recovery was refused: the position lies beyond the end of the log\\.$",
    );
    const off = (await publish("off")).result;
    await subscribe("di", "off", { epoch: off.epoch, offset: 0 });
    expectAnswer(
      await why({ channel: "off", user: "di" }),
      "recovery_off",
      "recovery was refused: recovery is off in this channel\\.$",
    );
  });

  it("the channel's history was removed", async () => {
    const { url, publish, call, why } = await start(open);
    const { result } = await publish("news");
    await publish("news");
    await call("history_remove", { channel: "news" });
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news", { recover: true, epoch: result.epoch, offset: 0 });
    expectAnswer(
      await why({ offset: 2 }),
      "history_removed",
      "the channel's history had been removed at TIME\\.$",
    );
    expectAnswer(
      await why({ user: "bo", offset: 2 }),
      "history_removed",
      "^Publication 2 of news is gone: the channel's history was removed at TIME\\.$",
    );
  });

  it("it had unsubscribed, or the server had unsubscribed or disconnected it", async () => {
    const { url, publish, call, why } = await start(open);
    const [ann, bo, cy] = [
      await Client.as(url, "ann"),
      await Client.as(url, "bo"),
      await Client.as(url, "cy"),
    ];
    for (const client of [ann, bo, cy]) await client.subscribe("news");
    await ann.command("unsubscribe", { channel: "news" });
    await call("unsubscribe", { user: "bo", channel: "news" });
    await call("disconnect", { user: "cy" });
    await publish("news");
    expectAnswer(
      await why(),
      "unsubscribed",
      "it was unsubscribed at TIME, with everything up to offset 0: the client unsubscribed\\.$",
    );
    expectAnswer(
      await why({ user: "bo" }),
      "unsubscribed_by_server",
      "it was unsubscribed at TIME, with everything up to offset 0: server unsubscribe \\(code 2000\\)\\.$",
    );
    expectAnswer(
      await why({ user: "cy" }),
      "disconnected",
      "it lost its connection at TIME, with everything up to offset 0: force disconnect \\(code 3503\\)\\.$",
    );
  });

  it("it was cut off for not reading", async () => {
    const { url, publish, why } = await start(open, {
      ...{ stallTimeoutMs: 1500, pingIntervalMs: 500, pongTimeoutMs: 400 },
      ...{ maxMessageBytes: 1_000_000 },
    });
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    ann.socket.pause();
    const text = "x".repeat(500_000);
    let offset = 0;
    await until(async () => {
      ({ offset } = (await publish("news", text)).result);
      const { cause } = await why();
      expect(["slow", "no_pong"]).toContain(cause);
    });
    const { cause, sentence } = await why({ offset });
    expect(sentence).toMatch(/lost its connection at .*: (?:slow|no pong).* \(code 30(?:08|12)\)\.$/);
    expect(["slow", "no_pong"]).toContain(cause);
  });

  it("it no longer answered pings", async () => {
    const { url, publish, why } = await start(open, { pingIntervalMs: 200, pongTimeoutMs: 100 });
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    ann.socket.removeAllListeners("message");
    await until(() => expect(ann.close).toBeDefined());
    await publish("news");
    expectAnswer(
      await why(),
      "no_pong",
      "it lost its connection at TIME, with everything up to offset 0: no pong: .* \\(code 3012\\)\\.$",
    );
  });

  it("its token had expired, was revoked, or expired while it was connected", async () => {
    const { url, publish, call, why } = await start(withTokens);
    const expired = await Client.open(url, { token: tokenOf({ sub: "ann", exp: inSeconds(-60) }) });
    await publish("news");
    expectAnswer(
      await why(),
      "connect_token_expired",
      "^ann did not get publication 1 of news, published at TIME: it could not connect at TIME: token expired \\(code 109\\)\\.$",
    );
    expect(expired.id).toBe("");
    const bo = await Client.open(url, { token: tokenOf({ sub: "bo", exp: inSeconds(60) }) });
    await bo.subscribe("news");
    await call("revoke", { user: "bo" });
    await until(() => expect(bo.close).toBeDefined());
    await publish("news");
    expectAnswer(
      await why({ user: "bo" }),
      "token_revoked",
      "it lost its connection at TIME, .*: invalid token: revoked \\(code 3500\\)\\.$",
    );
    const cy = await Client.open(url, { token: tokenOf({ sub: "cy", exp: inSeconds(60) }) });
    await cy.subscribe("news");
    await call("refresh", { user: "cy", expired: true });
    await until(() => expect(cy.close).toBeDefined());
    await publish("news");
    expectAnswer(await why({ user: "cy" }), "connection_expired", "connection expired \\(code 3005\\)\\.$");
  });

  it("the user had too many connections", async () => {
    const { url, publish, why } = await start(open, { maxUserConnections: 1 });
    const first = await Client.as(url, "ann");
    await Client.as(url, "ann");
    await first.leave();
    await until(async () => {
      await publish("news");
      expectAnswer(
        await why(),
        "connection_limit",
        "it could not connect at TIME: connection limit: a user may have 1 connections \\(code 3504\\)\\.$",
      );
    });
  });

  it("its connections were turned away before they could say who they are", async () => {
    const { url, publish, why } = await start(open, { allowedOrigins: ["https://app.example"] });
    await Client.open(url, {}, { Origin: "https://evil.example" }).catch(() => {});
    await publish("news");
    expectAnswer(
      await why(),
      "turned_away",
      "^Nothing is known of ann since TIME, but 1 connection was refused before their user was known, the last at TIME: Pages from https://evil.example may not connect here",
    );
  });

  it("nothing is known of the user", async () => {
    const { publish, why } = await start(open);
    await publish("news");
    expectAnswer(
      await why(),
      "unknown_user",
      "^Nothing is known of ann: it has not connected since TIME\\.$",
    );
  });

  it("the channel, or the publication, does not exist", async () => {
    const { publish, why } = await start(open);
    expectAnswer(
      await why({ channel: "nowhere" }),
      "unknown_channel",
      "^There is no channel nowhere: no pattern of the application matches it\\.$",
    );
    expectAnswer(await why(), "nothing_published", "^Nothing is published in news\\.$");
    await publish("news");
    expectAnswer(
      await why({ offset: 12 }),
      "not_published",
      "^Publication 12 of news is not published yet: the last one is 1\\.$",
    );
    for (let i = 0; i < 4; i++) await publish("short");
    expectAnswer(
      await why({ channel: "short", offset: 1 }),
      "not_kept",
      "^Publication 1 of short is no longer kept",
    );
  });

  it("the publish repeated an idempotency key, was refused, or is unknown", async () => {
    const { url, publish, why } = await start(open);
    const ann = await Client.as(url, "ann");
    await ann.subscribe("news");
    await publish("news", 1, { idempotency_key: "order-1" });
    expectAnswer(await why({ idempotency_key: "order-1" }), "delivered", "^ann got it at TIME");
    await publish("news", 2, { idempotency_key: "order-1" });
    expectAnswer(
      await why({ idempotency_key: "order-1" }),
      "duplicate",
      "^The publish with key order-1 at TIME repeated one that was accepted as publication 1, and had no effect; of that one: ann got it",
    );
    await publish("news", 1, { idempotency_key: "order-2", key: "k" });
    expectAnswer(
      await why({ idempotency_key: "order-2" }),
      "publish_refused",
      "^The publish to news with key order-2 was refused at TIME: .* \\(code 107\\)\\.$",
    );
    expectAnswer(
      await why({ idempotency_key: "order-3" }),
      "publish_unknown",
      "^No publish to news with key order-3 is recorded since TIME\\.$",
    );
  });

  it("the store never acknowledged it", async () => {
    const failing = brokerWith("log", () => ({
      publish: async () => {
        throw new HoldfastError("HF_BROKER_UNAVAILABLE");
      },
    }));
    const { publish, why } = await start(open, { broker: failing });
    expect((await publish("news", 1, { idempotency_key: "order-1" })).error).toBeDefined();
    expectAnswer(
      await why({ idempotency_key: "order-1" }),
      "publish_unacknowledged",
      "^The publish to news with key order-1 was never acknowledged by the store \\(TIME: broker cannot be reached\\)\\.$",
    );
  });

  it("it was before the records begin, which do not outlast a restart", async () => {
    const data = mkdtempSync(join(tmpdir(), "holdfast-why-"));
    onTestFinished(() => rmSync(data, { recursive: true, force: true }));
    const before = await start(open, { data });
    await before.publish("news");
    await before.server.close();
    const after = await start(open, { data });
    expectAnswer(
      await after.why(),
      "not_recorded",
      "^Not recorded: publication 1 of news was published at TIME, and the records begin at TIME\\.$",
    );
  });

  it("the recorder is off", async () => {
    const { publish, why } = await start(open, { maxRecorderBytes: null });
    await publish("news");
    expectAnswer(
      await why(),
      "recorder_off",
      "^Nothing is recorded: the flight recorder is off \\(maxRecorderBytes\\)\\.$",
    );
  });

  it("another node may know, and has not answered", async () => {
    const lost = { id: "lost", name: "lost.example:17", version: "1", startedAt: 0 };
    const partial = brokerWith("cluster", (own) => ({
      nodes: async () => [...(await own.nodes()), lost],
      send: async (...sent) => ({ ...(await own.send(...sent)), silent: [lost.id] }),
    }));
    const { publish, why } = await start(open, { broker: partial });
    await publish("news");
    const answer = await why();
    expectAnswer(
      answer,
      "node_silent",
      "^Nothing is known of ann on the nodes that have answered\\. Not asked: lost\\.example:17, which did not answer\\.$",
    );
    expect(answer.silent).toEqual([lost.name]);
  });
});

describe("POST /api/why", () => {
  it("needs a key, and says what is wrong with a question", async () => {
    const { http, call } = await start(open);
    const answer = await fetch(`${http}/api/why`, {
      method: "POST",
      body: '{"channel":"news","user":"ann"}',
    });
    expect(answer.status).toBe(401);
    expect(await call("why", { channel: "news" })).toMatchObject({
      error: { code: 107, message: expect.stringContaining("user") },
    });
    expect(await call("why", { channel: "news", user: "ann", offset: 0 })).toMatchObject({
      error: { code: 107 },
    });
  });

  it("contains no payloads and no tokens", async () => {
    const { url, publish, http } = await start(withTokens);
    const token = tokenOf({ sub: "ann", exp: inSeconds(60) });
    const ann = await Client.open(url, { token, data: { password: "hunter2" } });
    await ann.subscribe("news", { data: { more: "hunter2" } });
    await publish("news", "hunter2");
    const answer = await fetch(`${http}/api/why`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: '{"channel":"news","user":"ann"}',
    });
    const text = await answer.text();
    expect(text).toContain('"cause":"delivered"');
    expect(text).not.toContain("hunter2");
    expect(text).not.toContain(token.slice(-20));
  });
});

/** A broker in memory, one part of which answers in another way. */
function brokerWith<P extends "log" | "cluster">(
  part: P,
  replaced: (own: Broker[P]) => Partial<Broker[P]>,
): Broker {
  const broker = new MemoryBroker({
    clock: systemClock,
    createEpoch: randomUUID,
  });
  const own: Broker[P] = broker[part];
  const others: Partial<Broker[P]> = replaced(own);
  const proxy = new Proxy(own, {
    get(target, name) {
      const value = Reflect.get(others, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { name, log, presence, cluster } = broker;
  return {
    ...{ name, log, presence, cluster, [part]: proxy },
    open: (...events) => broker.open(...events),
    close: () => broker.close(),
  };
}

const brokers = {
  redis: {
    reason: noRedisReason,
    start: async (): Promise<ServerOptions> => {
      const redis = await RedisServer.start();
      onTestFinished(() => redis.stop());
      return { broker: redis.url };
    },
  },
  nats: {
    reason: noNatsReason,
    start: async (): Promise<ServerOptions> => {
      const nats = await startNatsServers(1);
      onTestFinished(() => nats.stop());
      return { broker: `nats://${nats.servers[0]?.address}` };
    },
  },
  "a shared store": {
    reason: undefined,
    start: async (): Promise<ServerOptions> => {
      const data = mkdtempSync(join(tmpdir(), "holdfast-why-"));
      onTestFinished(() => rmSync(data, { recursive: true, force: true }));
      return { data };
    },
  },
} as const;

describe.each(Object.entries(brokers))("two nodes on %s", (_name, { reason, start: startStore }) => {
  it.skipIf(reason !== undefined)(
    `know of each other's connections ${reason ?? ""}`,
    { timeout: 120_000 },
    async () => {
      const options = await startStore();
      const [one, two] = [await start(open, options), await start(open, options)];
      const ann = await Client.as(two.url, "ann");
      await ann.subscribe("news");
      await until(async () => {
        await one.publish("news");
        expect(ann.pushes.length).toBeGreaterThan(0);
      });
      const asked = await one.why({ offset: 1 });
      expectAnswer(asked, "delivered", "^ann got it at TIME, as it was published");
      expect(asked.evidence.find(({ client }) => client === ann.id)?.node).toMatch(/:\d+$/);
      expect(asked.silent).toEqual([]);
      await ann.leave();
      await until(async () => {
        await one.publish("news");
        expect((await one.why()).cause).toBe("connection_ended");
      });
      const list = await one.call("connections", { user: "ann" });
      expect(list.result).toEqual({ connections: [] });
    },
  );
});
