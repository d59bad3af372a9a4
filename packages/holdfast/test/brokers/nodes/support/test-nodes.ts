/** Nodes of one cluster over a network in memory, whose clocks are minutes apart, each with a record of what it was told. */
import { NodeCluster } from "../../../../src/brokers/nodes/node-cluster.js";
import { NodeMessages, type NodeMessagesOptions } from "../../../../src/brokers/nodes/node-messages.js";
import { NodePresence, type NodePresenceOptions } from "../../../../src/brokers/nodes/node-presence.js";
import { NodeRequests } from "../../../../src/brokers/nodes/node-requests.js";
import type { ClusterCommand, CommandOutcome } from "../../../../src/channels/cluster.js";
import type { ClientInfo } from "../../../../src/wire/messages.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { MemoryNetwork } from "./memory-bus.js";
import { NodeClock } from "./node-clock.js";

export interface TestNodesOptions extends Partial<NodeMessagesOptions> {
  readonly presence?: Partial<NodePresenceOptions>;
  readonly maxPending?: number;
  readonly maxCommands?: number;
}

export type TestNode = Awaited<ReturnType<TestNodes["add"]>>;

export class TestNodes {
  readonly clock = new FakeClock();
  readonly network = new MemoryNetwork(this.clock);
  readonly errors: { readonly error: unknown; readonly stage: string }[] = [];
  readonly #options: TestNodesOptions;
  #count = 0;

  constructor(options: TestNodesOptions = {}) {
    this.#options = options;
  }

  /** Opens another node: `a`, `b`, `c` … */
  async add() {
    const { network } = this;
    const clock = new NodeClock(this.clock, 300_000 * this.#count);
    const id = String.fromCharCode("a".charCodeAt(0) + this.#count++);
    const onError = (error: unknown, { stage }: { readonly stage: string }) => {
      this.errors.push({ error, stage });
    };
    const options = { clock, random: () => 0.5, helloWaitMs: 0, onError, ...this.#options };
    const messages = new NodeMessages(network.createBus(), options);
    const requests = new NodeRequests(messages, options);
    const subscribed = new Set<string>();
    const presence = new NodePresence(messages, requests, {
      ...options,
      ...options.presence,
      isSubscribed: (channel) => subscribed.has(channel),
    });
    const cluster = new NodeCluster(messages, requests, {
      ...options,
      subscribedChannels: () => subscribed,
    });
    const commands: ClusterCommand[] = [];
    const removed: string[] = [];
    const announced: string[] = [];
    const node = {
      id,
      messages,
      requests,
      presence,
      cluster,
      subscribed,
      commands,
      removed,
      announced,
      answer: async (_command: ClusterCommand): Promise<CommandOutcome> => ({}),
      ids: async () => (await cluster.nodes()).map((each) => each.id).sort(),
      clients: async (channel: string) =>
        (await presence.list(channel)).map((info: ClientInfo) => info.client).sort(),
      join: async (channel: string, client: string, user = client) => {
        await presence.add(channel, { user, client }, 3_600_000);
        await presence.announce(channel, "join", { user, client });
      },
      leave: async (channel: string, client: string, user = client) => {
        await presence.remove(channel, client);
        await presence.announce(channel, "leave", { user, client });
      },
      /** The process is killed. */
      kill: () => {
        clock.pause();
        network.kill(id);
      },
      /** The process is stopped, and goes on with its timers and then its messages. */
      pause: () => {
        clock.pause();
        network.pause(id);
      },
      resume: () => {
        clock.resume();
        network.resume(id);
      },
      close: () => Promise.all([presence.close(), cluster.close()]),
    };
    await presence.open({
      onJoin: (channel, info) => void announced.push(`join ${channel} ${info.client}`),
      onLeave: (channel, info) => void announced.push(`leave ${channel} ${info.client}`),
    });
    await cluster.open(
      {
        onCommand: (command) => {
          commands.push(command);
          return node.answer(command);
        },
        onHistoryRemoved: (channel) => void removed.push(channel),
      },
      { id, name: `node ${id}`, version: "1.0.0", startedAt: clock.now() },
    );
    return node;
  }

  /** Opens nodes that know each other. */
  start(count: 2): Promise<[TestNode, TestNode]>;
  start(count: 3): Promise<[TestNode, TestNode, TestNode]>;
  start(count: number): Promise<TestNode[]>;
  async start(count: number): Promise<TestNode[]> {
    const nodes: TestNode[] = [];
    for (let n = 0; n < count; n++) nodes.push(await this.add());
    await this.advance(10);
    return nodes;
  }

  /** Moves time on, in steps, so that promises run in between. */
  async advance(ms: number, stepMs = 1): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      this.clock.advance(Math.min(stepMs, left));
      await settle();
    }
  }

  /** Waits for a result while time moves on. */
  async wait<T>(result: Promise<T>, maxMs = 10_000, stepMs = 1): Promise<T> {
    let isDone = false;
    const done = () => {
      isDone = true;
    };
    result.then(done, done);
    await settle();
    for (let ms = 0; !isDone && ms < maxMs; ms += stepMs) await this.advance(stepMs, stepMs);
    if (!isDone) throw new Error(`nothing came within ${maxMs} ms`);
    return await result;
  }
}
