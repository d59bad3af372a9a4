/** What a publisher is told, the same in every interface: where it stands, that it was a repeat, that nothing was published. */
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../packages/client/src/node.js";
import { channel, defineApp } from "../../packages/holdfast/src/index.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { channelAt } from "../../packages/holdfast/test/support/http-channels.js";
import { connectByHand } from "../../packages/holdfast/test/support/map-model.js";

const allow = { subscribe: "all", publish: "all" } as const;
const app = defineApp({ channels: { map: channel({ kind: "map", allow }) } });
const key = "k";
const named = { channel: "map", key };

interface Told {
  readonly offset?: number;
  readonly is_duplicate?: true;
  readonly suppressed?: true;
  readonly suppress_reason?: string;
}

interface Publisher {
  /** @param idempotencyKey none of its own where there is no place for it */
  put(idempotencyKey?: string): Promise<Told>;
  remove(idempotencyKey?: string): Promise<Told>;
}

type Running = Awaited<ReturnType<typeof startApp<typeof app>>>;

const inBody = (idempotencyKey?: string) => (idempotencyKey ? { idempotency_key: idempotencyKey } : {});

async function byCommand({ url }: Running): Promise<Publisher> {
  const hand = await connectByHand(url);
  const publish = async (params: object) =>
    (await hand.ask({ publish: { ...named, type: 1, ...params } })).publish as Told;
  return {
    put: (id) => publish({ data: 1, ...inBody(id) }),
    remove: (id) => publish({ removed: true, ...inBody(id) }),
  };
}

async function byRpc({ url }: Running): Promise<Publisher> {
  const hand = await connectByHand(url);
  const publish = async (params: object) => {
    const data = { ...named, type: 1, ...params };
    return (await hand.ask({ rpc: { method: "holdfast.publish", data } })).rpc.data as Told;
  };
  return {
    put: (id) => publish({ data: 1, ...inBody(id) }),
    remove: (id) => publish({ removed: true, ...inBody(id) }),
  };
}

function byApi({ api }: Running): Publisher {
  return {
    put: async (id) => (await api("map_publish", { ...named, data: 1, ...inBody(id) })).body.result,
    remove: async (id) => (await api("map_remove", { ...named, ...inBody(id) })).body.result,
  };
}

function byBatch({ api }: Running): Publisher {
  const batch = async (command: object) => {
    const [reply] = (await api("batch", { commands: [command] })).body.replies;
    return Object.values(reply as object)[0] as Told;
  };
  return {
    put: (id) => batch({ map_publish: { ...named, data: 1, ...inBody(id) } }),
    remove: (id) => batch({ map_remove: { ...named, ...inBody(id) } }),
  };
}

function byHttp({ http }: Running): Publisher {
  const at = (id?: string) => channelAt(http, "map", id ? { "Idempotency-Key": id } : {});
  return {
    put: async (id) => (await at(id).post(1, { query: `key=${key}` })).body,
    remove: async (id) => (await at(id).remove(`key=${key}`)).body,
  };
}

const fromNames = ({ isDuplicate, suppressed, ...rest }: Answer): Told => ({
  ...rest,
  ...(isDuplicate && { is_duplicate: true }),
  ...(suppressed && { suppressed: true, suppress_reason: suppressed }),
});

function byServer({ server }: Running): Publisher {
  return {
    put: async (id) => fromNames(await server.publish("map", 1, { key, ...(id && { idempotencyKey: id }) })),
    remove: async () => {
      const before = await server.history("map", { limit: 0 });
      const wasThere = await server.remove("map", key);
      const { offset } = before.position;
      return wasThere
        ? { offset: offset + 1 }
        : { offset, suppressed: true, suppress_reason: "key_not_found" };
    },
  };
}

function byClient({ http }: Running): Publisher {
  const client = connect<typeof app>(http);
  const map = client.map("map");
  onTestFinished(() => client.close());
  return {
    put: async () => fromNames(await map.set(key, 1)),
    remove: async () => fromNames(await map.remove(key)),
  };
}

const withKeys = { byCommand, byRpc, byApi, byBatch, byHttp, byServer };
/** The client repeats by itself what a break leaves open, and so says nothing of repeats. */
const interfaces = { ...withKeys, byClient };

describe.each(Object.entries(interfaces))("publishing %s", (name, open) => {
  it("returns the position, and reports a removal that found nothing", async () => {
    const publisher = await open(await startApp(app));
    const told = [await publisher.put(), await publisher.remove()];
    // The protocol's command has no word for what was published.
    expect(told).toMatchObject(name === "byCommand" ? [{}, {}] : [{ offset: 1 }, { offset: 2 }]);
    for (const each of told) expect(each).not.toHaveProperty("suppressed");
    expect(await publisher.remove()).toMatchObject({
      offset: 2,
      suppressed: true,
      suppress_reason: "key_not_found",
    });
  });
});

describe.each(Object.entries(withKeys))("repeating %s", (_name, open) => {
  it("is reported as a repeat with the first position", async () => {
    const running = await startApp(app);
    const publisher = await open(running);
    expect(await publisher.put("once")).not.toHaveProperty("is_duplicate");
    expect(await publisher.put("once")).toMatchObject({ offset: 1, is_duplicate: true });
    expect((await running.server.history("map", { limit: 0 })).position.offset).toBe(1);
  });
});
