import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { type Application, createOpenApplication } from "../../src/sessions/application.js";
import type { Identity, SubscriptionGrant } from "../../src/sessions/identity.js";
import { createSessionNode, nothing } from "./support/session-node.js";

/** No pings come in between. */
const times = { pingIntervalMs: 100_000_000 };

/** Tokens are JSON here: what they grant, without checks. */
function tokensOfJson(identity: Partial<Identity> = {}): Application {
  return {
    ...createOpenApplication(
      () => openRules,
      () => ({ isAccepted: true, identity: { user: "ann", ...identity } }),
    ),
    verifyConnection: (token) => ({ isAccepted: true, identity: JSON.parse(token) as Identity }),
    verifySubscription: (token) => ({ isAccepted: true, grant: JSON.parse(token) as SubscriptionGrant }),
  };
}

async function start(identity: Partial<Identity> = {}) {
  const node = await createSessionNode({ application: tokensOfJson(identity), times });
  const client = node.open();
  await client.ask({ id: 1, connect: {} });
  return { ...node, client, now: node.clock.now() };
}

describe("expiring connection", () => {
  it("ends 25 s after expiry, with a code on which clients reconnect", async () => {
    const { clock } = await createSessionNode();
    const { client, wait } = await start({ hasToken: true, expiresAt: clock.now() + 60_000 });
    expect(client.messages[0]).toMatchObject({ connect: { expires: true, ttl: 60 } });
    await wait(84_500);
    expect(client.closes).toEqual([]);
    await wait(1500);
    expect(client.closes).toMatchObject([{ code: 3005 }]);
  });

  it("continues when the client renews its token, and forever when that does not expire", async () => {
    const { clock } = await createSessionNode();
    const { client, wait } = await start({ hasToken: true, expiresAt: clock.now() + 60_000 });
    const token = JSON.stringify({ user: "ann", expiresAt: clock.now() + 200_000 });
    await client.ask({ id: 2, refresh: { token } });
    expect(client.reply(2)).toMatchObject({ refresh: { client: client.id, expires: true, ttl: 200 } });
    await wait(100_000);
    await client.ask({ id: 3, refresh: { token: JSON.stringify({ user: "ann" }) } });
    await wait(400_000);
    expect(client.closes).toEqual([]);
  });

  it("leaves no deadline behind when it ends earlier, or is renewed after its end", async () => {
    const { clock } = await createSessionNode();
    const { client, sizes, settle } = await start({ hasToken: true, expiresAt: clock.now() + 60_000 });
    client.send({ id: 2, refresh: { token: JSON.stringify({ user: "ann", expiresAt: clock.now() + 1e9 }) } });
    client.session.closed();
    await settle();
    expect(sizes()).toMatchObject({ deadlines: 0, connections: 0 });
  });

  it("is refused after its expiry", async () => {
    const { clock } = await createSessionNode();
    const { client } = await start({ hasToken: true, expiresAt: clock.now() - 1 });
    expect(client.reply(1)).toMatchObject({ error: { code: 109 } });
  });
});

describe("expiring subscription", () => {
  it("ends 25 s after expiry, with a push on which clients resubscribe", async () => {
    const { client, wait, now } = await start();
    const token = JSON.stringify({ expiresAt: now + 60_000 });
    await client.ask({ id: 2, subscribe: { channel: "news", token } });
    expect(client.reply(2)).toMatchObject({ subscribe: { expires: true, ttl: 60 } });
    await wait(84_500);
    expect(client.messages.some(({ push }) => push?.unsubscribe)).toBe(false);
    await wait(1500);
    expect(client.messages.at(-1)).toMatchObject({ push: { channel: "news", unsubscribe: { code: 2501 } } });
    expect(client.closes).toEqual([]);
  });

  it("continues when the client renews its token", async () => {
    const { client, wait, now } = await start();
    const token = (expiresAt?: number) => JSON.stringify({ expiresAt });
    await client.ask({ id: 2, subscribe: { channel: "news", token: token(now + 60_000) } });
    await client.ask({ id: 3, sub_refresh: { channel: "news", token: token(now + 90_000) } });
    expect(client.reply(3)).toMatchObject({ sub_refresh: { expires: true, ttl: 90 } });
    await client.ask({ id: 4, sub_refresh: { channel: "news", token: token() } });
    expect(client.reply(4)).toEqual({ id: 4, sub_refresh: {} });
    await wait(300_000);
    expect(client.messages.some(({ push }) => push?.unsubscribe)).toBe(false);
  });

  it("made by the server ends the connection", async () => {
    const { clock } = await createSessionNode();
    const subscriptions = new Map([["news", { expiresAt: clock.now() + 10_000 }]]);
    const { client, wait } = await start({ subscriptions });
    await wait(36_000);
    expect(client.closes).toMatchObject([{ code: 3006 }]);
  });

  it("leaves no deadline behind when it ends earlier", async () => {
    const { client, sizes, now } = await start();
    const before = sizes().deadlines;
    await client.ask({
      id: 2,
      subscribe: { channel: "news", token: JSON.stringify({ expiresAt: now + 60_000 }) },
    });
    expect(sizes().deadlines).toBe(before + 1);
    await client.ask({ id: 3, unsubscribe: { channel: "news" } });
    expect(sizes().deadlines).toBe(before);
    client.session.closed();
    expect(sizes()).toMatchObject({ deadlines: nothing.deadlines, hasTimer: false });
  });
});

describe("server-side subscriptions", () => {
  const subscriptions = new Map([["news", {}]]);

  it("deliver nothing before the reply to connect", async () => {
    const node = await createSessionNode({ application: slowWelcome(), times });
    const client = node.open();
    await client.ask({ id: 1, connect: {} });
    await node.publish("news", 1);
    await node.settle();
    expect(client.messages).toEqual([]);
    node.broker.release("subscribe");
    await node.settle();
    expect(client.messages).toMatchObject([
      { connect: { client: client.id } },
      { push: { channel: "news", pub: { offset: 1 } } },
    ]);

    function slowWelcome(): Application {
      const application = tokensOfJson({ subscriptions });
      return {
        ...application,
        onConnect: async () => ({ subscriptions: new Map([["other", {}]]) }),
        policyFor: (channel) => {
          if (channel === "other") node.broker.hold("subscribe");
          return application.policyFor(channel);
        },
      };
    }
  });

  it("end the connection when their unread publications are gone", async () => {
    const { client, startLogAfresh, publish, settle } = await start({ subscriptions });
    await publish("news", 1);
    await settle();
    await startLogAfresh("news");
    await publish("news", 1);
    await settle();
    expect(client.closes).toMatchObject([{ code: 3010 }]);
  });
});
