/** JetStream under torture: one server, or three with a proxy for each way between two of them. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findFreePort } from "../../../packages/holdfast/test/support/free-port.js";
import { startTogether } from "../../../packages/holdfast/test/support/nats-servers.js";
import { createNatsServer, type StoreServer } from "../../support/store-servers.js";
import { FaultProxy } from "../fault-proxy.js";
import type { Recorder } from "../history.js";
import type { StoreFault } from "./node-plan.js";
import { killFor, type NodeStore, pauseFor } from "./node-store.js";

interface Member {
  readonly server: StoreServer;
  readonly name: string;
  readonly monitorPort: number;
  /** From it to others, and from others to it. */
  readonly proxies: FaultProxy[];
}

export class NatsStore implements NodeStore {
  readonly broker: string;
  readonly ports: readonly number[];
  readonly #members: readonly Member[];
  readonly #recorder: Recorder;

  private constructor(members: readonly Member[], recorder: Recorder) {
    this.#members = members;
    this.#recorder = recorder;
    this.ports = members.map(({ server }) => server.port);
    const addresses = this.ports.map((port) => `127.0.0.1:${port}`).join(",");
    // Fewer streams than by default, so that three servers on one machine have time for all of them.
    this.broker = `nats://${addresses}?streams=4&replicas=${members.length}`;
  }

  static async create(folder: string, recorder: Recorder, count: number): Promise<NatsStore> {
    const clusterPorts: number[] = [];
    for (let i = 0; i < count; i++) clusterPorts.push(await findFreePort());
    const proxies = Array.from({ length: count }, (): FaultProxy[] => []);
    const members: Member[] = [];
    for (let i = 0; i < count; i++) {
      const routes: number[] = [];
      for (let j = 0; j < count; j++) {
        if (i === j) continue;
        const proxy = await FaultProxy.listen(() => clusterPorts[j] as number);
        proxies[i]?.push(proxy);
        proxies[j]?.push(proxy);
        routes.push(proxy.port);
      }
      const name = `n${i}`;
      const monitorPort = await findFreePort();
      const server = await createNatsServer({
        port: await findFreePort(),
        monitorPort,
        folder: join(folder, name),
        name,
        ...(count > 1 && {
          cluster: { name: `torture-${process.pid}`, port: clusterPorts[i] as number, routes },
        }),
      });
      members.push({ server, name, monitorPort, proxies: proxies[i] as FaultProxy[] });
    }
    return new NatsStore(members, recorder);
  }

  async start(): Promise<void> {
    await startTogether({
      start: () =>
        Promise.all(this.#members.map(({ server }) => (server.isRunning ? undefined : server.start()))),
      kill: () => this.#killAll(),
      isReady: async () => this.#members.length === 1 || (await this.#leader()) !== undefined,
    });
  }

  async #killAll(): Promise<void> {
    await Promise.all(this.#members.map(({ server }) => server.kill()));
  }

  async carryOut(fault: StoreFault): Promise<void> {
    if (fault.kind === "failover") throw new Error("JetStream elects its leaders itself");
    const { server, proxies } = await this.#pick(fault);
    switch (fault.kind) {
      case "storeKill":
        await server.kill();
        this.#recorder.end("kill");
        await killFor(server, fault.downMs);
        break;
      case "storeSuspend":
        await pauseFor(server, fault.ms);
        break;
      case "isolate":
        for (const proxy of proxies) proxy.applyToAll({ kind: "reset" });
        await sleep(fault.ms);
        for (const proxy of proxies) proxy.heal();
    }
  }

  async heal(): Promise<void> {
    for (const { server, proxies } of this.#members) {
      for (const proxy of proxies) proxy.heal();
      server.resume();
    }
    await this.start();
  }

  async restart(): Promise<void> {
    await this.#killAll();
    await this.start();
  }

  /** Replicas of a stream that stay different: JetStream has acknowledged what not all of them will have. */
  async findFault(): Promise<string | undefined> {
    if (this.#members.length === 1) return undefined;
    let fault: string | undefined;
    for (const endsAt = Date.now() + replicationMs; Date.now() < endsAt; await sleep(500)) {
      fault = await this.#findDifference();
      if (fault === undefined) return undefined;
    }
    return fault;
  }

  async #findDifference(): Promise<string | undefined> {
    const views = this.#members.map(
      async ({ monitorPort, name }) => [name, await viewOf(monitorPort)] as const,
    );
    return findDifference(await Promise.all(views));
  }

  async stop(): Promise<void> {
    await this.#killAll();
    const proxies = new Set(this.#members.flatMap((member) => member.proxies));
    await Promise.all([...proxies].map((proxy) => proxy.close()));
  }

  async #pick({ server, onLeader }: { server: number; onLeader: boolean }): Promise<Member> {
    const leader = onLeader ? await this.#leader() : undefined;
    return leader ?? (this.#members[server % this.#members.length] as Member);
  }

  /** Of a stream, or else of all servers; undefined where there is none, or nobody says so. */
  async #leader(): Promise<Member | undefined> {
    for (const { monitorPort } of this.#members) {
      const answer = await viewOf(monitorPort);
      const leaders = [
        ...streamsIn(answer).map(({ cluster }) => cluster?.leader),
        answer?.meta_cluster?.leader,
      ];
      const member = this.#members.find(({ name }) => name === leaders.find(Boolean));
      if (member) return member;
    }
    return undefined;
  }
}

/** For replicas to have all that was acknowledged, while nothing happens. */
const replicationMs = 20_000;

/** @param views what each server tells, by its name; undefined for one that does not answer */
export function findDifference(
  views: readonly (readonly [string, JetStreamView | undefined])[],
): string | undefined {
  const replicas = new Map<string, Map<string, string>>();
  for (const [server, view] of views)
    for (const { name, state } of streamsIn(view)) {
      const ofStream = replicas.get(name) ?? new Map<string, string>();
      replicas.set(name, ofStream.set(server, `${state.messages} messages to ${state.last_seq}`));
    }
  for (const [stream, ofStream] of replicas)
    if (new Set(ofStream.values()).size > 1) {
      const all = [...ofStream].map(([server, content]) => `${content} on ${server}`);
      return `JetStream's replicas of ${stream} differ: ${all.join(", ")}`;
    }
  return undefined;
}

interface StreamView {
  readonly name: string;
  readonly cluster?: { readonly leader?: string };
  /** The server's own. */
  readonly state: { readonly messages: number; readonly last_seq: number };
}

/** What a server tells of JetStream, in part. */
interface JetStreamView {
  readonly account_details?: readonly { readonly stream_detail?: readonly StreamView[] }[];
  readonly meta_cluster?: { readonly leader?: string };
}

async function viewOf(monitorPort: number): Promise<JetStreamView | undefined> {
  const response = await fetch(`http://127.0.0.1:${monitorPort}/jsz?accounts=true&streams=true`, {
    signal: AbortSignal.timeout(500),
  }).catch(() => undefined);
  return (await response?.json()) as JetStreamView | undefined;
}

function streamsIn(view: JetStreamView | undefined): StreamView[] {
  return view?.account_details?.flatMap(({ stream_detail = [] }) => stream_detail) ?? [];
}
