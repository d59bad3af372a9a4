/** The compose files of examples/compose: what they consist of, and that this version accepts their command lines. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { runCli } from "../../packages/holdfast/test/cli/run-cli.js";

const folder = join(import.meta.dirname, "../../examples/compose");
const names = ["shared", "redis", "nats"];

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly healthcheck?: object;
  readonly depends_on?: Readonly<Record<string, object>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, null>>;
}

function read(name: string): Compose {
  return parse(readFileSync(join(folder, name, "compose.yaml"), "utf8"), { merge: true }) as Compose;
}

const random = "rT7xKq2mVb9LwZc4NpYs8HdJfG3uEa6QkWvXtB1o";
const interpolate = (text: string) => text.replace(/\$\{\w+:\?[^}]*\}/g, random);

describe("compose files", () => {
  it("are all tested", () => {
    const folders = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
    expect(folders.map((each) => each.name).sort()).toEqual([...names].sort());
  });

  it.each(names)("%s has three nodes behind one balancer, and pinned images", (name) => {
    const { services, volumes } = read(name);
    const nodes = Object.keys(services).filter((each) => services[each]?.build === "..");
    expect(nodes).toEqual(["node1", "node2", "node3"]);
    expect(Object.keys(services.balancer?.depends_on ?? {})).toEqual(nodes);
    for (const [service, { image, build, ports, healthcheck, depends_on, volumes: own }] of Object.entries(
      services,
    )) {
      expect(build ?? image).toMatch(build ? /^\.\.$/ : /^[a-z]+:\d+\.\d+/);
      expect(ports ?? []).toEqual(service === "balancer" ? ["8000:8000"] : []);
      if (service !== "balancer") expect(healthcheck).toBeDefined();
      for (const other of Object.keys(depends_on ?? {})) expect(services).toHaveProperty(other);
      const mounted = (own ?? []).map((text) => text.split(":")[0] as string);
      for (const source of mounted)
        if (!source.startsWith(".")) expect(volumes).toHaveProperty(source);
        else expect(readFileSync(join(folder, name, source), "utf8")).not.toBe("");
    }
    for (const file of ["haproxy.cfg", "nginx.conf"])
      for (const node of nodes) expect(readFileSync(join(folder, file), "utf8")).toContain(`${node}:8000`);
  });

  it.each(names)("%s has a command line that doctor finds no fault in", async (name) => {
    const { command = [], environment = {} } = read(name).services.node1 ?? {};
    expect(command[0]).toBe("serve");
    const args = command.slice(1).map((arg) => {
      if (arg === "/etc/holdfast.config.yaml") return join(folder, "holdfast.config.yaml");
      return arg === "/data" ? folder : arg;
    });
    const variables = Object.fromEntries(
      Object.entries(environment).map(([variable, text]) => [variable, interpolate(text)]),
    );
    const env = { HOLDFAST_DATA: "", ...variables };
    const { out } = await runCli(["doctor", "--no-connect", "--json", ...args], env);
    const errors = (JSON.parse(out) as { severity: string }[]).filter(({ severity }) => severity === "error");
    expect(errors).toEqual([]);
  });

  it("installs the packages that the workspace is tested with", () => {
    const text = readFileSync(join(folder, "Dockerfile"), "utf8");
    const { version } = JSON.parse(
      readFileSync(join(folder, "../../packages/holdfast/package.json"), "utf8"),
    ) as { version: string };
    expect(text).toContain(`holdfast@${version} `);
    expect(text).toMatch(/^FROM node:\d+/m);
  });
});
