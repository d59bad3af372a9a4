/** The load balancers of examples/compose, run for real before three local nodes on one store: no sticky sessions, and nothing lost. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Centrifuge } from "centrifuge";
import { EventSource } from "undici";
import { describe, expect, it } from "vitest";
import { countTo } from "../../packages/holdfast/test/channels/support/entries.js";
import { type ServerRun, serve } from "../../packages/holdfast/test/cli/run-cli.js";
import { createSdk } from "../../packages/holdfast/test/support/app-server.js";
import { endWithTest } from "../../packages/holdfast/test/support/child-process.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import { until } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const examples = join(import.meta.dirname, "../../examples/compose");
const apiKey = "a-key-for-tests-only";
const kinds = ["websocket", "http_stream", "sse"] as const;

interface Balancer {
  readonly program: string;
  readonly file: string;
  readonly args: (file: string, folder: string) => readonly string[];
  /** Changes of its file for one machine. */
  readonly adapt: (text: string, port: number, folder: string) => string;
}

const balancers: readonly Balancer[] = [
  {
    program: "haproxy",
    file: "haproxy.cfg",
    args: (file) => ["-db", "-f", file],
    adapt: (text, port) => text.replace("bind :8000", `bind 127.0.0.1:${port}`).replace("100000", "1000"),
  },
  {
    program: "nginx",
    file: "nginx.conf",
    args: (file, folder) => ["-p", folder, "-c", file, "-e", "stderr"],
    adapt: (text, port, folder) => {
      const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${folder}/${name};`)
        .join("\n");
      return `daemon off;\npid ${folder}/nginx.pid;\n${text}`
        .replace("worker_rlimit_nofile 200000;", "")
        .replace("worker_connections 50000", "worker_connections 1000")
        .replace("http {", `http {\naccess_log off;\n${paths}`)
        .replace("listen 8000", `listen 127.0.0.1:${port}`);
    },
  },
];

/** Debian installs servers where ordinary users do not look. */
function find(program: string): string | undefined {
  const found = [program, `/usr/sbin/${program}`].find((file) => spawnSync(file, ["-v"]).status === 0);
  if (found === undefined && process.env.CI === "true")
    throw new Error(`${program} is not installed, and CI is true`);
  return found;
}

async function startBalancer(balancer: Balancer, executable: string, nodes: readonly ServerRun[]) {
  const folder = createTemporaryFolder("balancer");
  const port = await findFreePort();
  let text = balancer.adapt(readFileSync(join(examples, balancer.file), "utf8"), port, folder);
  for (const [i, node] of nodes.entries()) text = text.replace(`node${i + 1}:8000`, `127.0.0.1:${node.port}`);
  const file = join(folder, balancer.file);
  writeFileSync(file, text);
  const child = spawn(executable, balancer.args(file, folder), { stdio: ["ignore", "pipe", "pipe"] });
  // SIGTERM, which it passes on to its workers.
  endWithTest(child, "SIGTERM");
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      said += chunk;
    });
  const url = `http://127.0.0.1:${port}`;
  await until(async () => {
    if (child.exitCode !== null) throw new Error(`${balancer.program} ended: ${said}`);
    return await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  return url;
}

function createClient(url: string, kind: (typeof kinds)[number]): Centrifuge {
  const endpoint = `${kind === "websocket" ? url.replace("http", "ws") : url}/connection/${kind}`;
  return createSdk([{ transport: kind, endpoint }], {
    emulationEndpoint: `${url}/emulation`,
    eventsource: EventSource,
    maxReconnectDelay: 300,
  });
}

async function publish(url: string, n: number): Promise<void> {
  await until(async () => {
    // With the key, a repeat of a publish that had taken effect has no second one.
    const request = {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: JSON.stringify({ channel: "news", data: n, idempotency_key: `n${n}` }),
    };
    return await fetch(`${url}/api/publish`, request).then(
      async (answer) => answer.ok && !("error" in ((await answer.json()) as object)),
      () => false,
    );
  });
}

for (const balancer of balancers) {
  const executable = find(balancer.program);
  describe.skipIf(executable === undefined)(
    `${balancer.program} ${executable ? "" : "is not installed"}`,
    () => {
      it("spreads clients over three nodes; when one is killed, they recover on others without loss", async () => {
        const data = createTemporaryFolder("nodes");
        const start = () => serve("--data", data, "--api-keys", apiKey, "--trusted-proxies", "private");
        const nodes = [await start(), await start(), await start()];
        const url = await startBalancer(balancer, executable as string, nodes);

        const clients = [...kinds, ...kinds, ...kinds].map((kind) => createClient(url, kind));
        let reconnects = 0;
        const readers = clients.map((client) => {
          const numbers: number[] = [];
          const recoveries: boolean[] = [];
          const subscription = client.newSubscription("news");
          subscription.on("publication", ({ data }) => numbers.push(data));
          subscription.on("subscribed", (context) => {
            if (context.wasRecovering) recoveries.push(context.recovered);
          });
          subscription.subscribe();
          client.connect();
          return { client, subscription, numbers, recoveries };
        });
        await Promise.all(readers.map(({ subscription }) => subscription.ready(60_000)));
        for (const { client } of readers) client.on("connecting", () => reconnects++);

        let perNode: number[] = [];
        // On a busy machine an attempt to connect that was given up counts for a while.
        await until(async () => {
          perNode = await Promise.all(nodes.map(countClients));
          return perNode.reduce((sum, each) => sum + each, 0) === clients.length;
        });
        // Of a node that answers a check of its health late, on a busy machine, nothing is asked for a while.
        expect(perNode.filter((count) => count > 0).length).toBeGreaterThan(1);

        for (const n of countTo(5)) await publish(url, n);
        nodes[perNode.indexOf(Math.max(...perNode))]?.run.kill("SIGKILL");
        for (const n of countTo(5)) await publish(url, 5 + n);
        await until(() => readers.every(({ numbers }) => numbers.length >= 10));
        for (const { numbers, recoveries } of readers) {
          expect(numbers).toEqual(countTo(10));
          expect(recoveries).not.toContain(false);
        }
        expect(reconnects).toBeGreaterThan(0);
      }, 120_000);
    },
  );
}

async function countClients({ url, run }: ServerRun): Promise<number> {
  const answer = await fetch(`${url}/api/info`, {
    method: "POST",
    headers: { "X-API-Key": apiKey },
    body: "{}",
  });
  const { result } = (await answer.json()) as { result: { nodes: { name: string; num_clients: number }[] } };
  return result.nodes.find(({ name }) => name.endsWith(`:${run.child.pid}`))?.num_clients ?? 0;
}
