/** Files for those who run, release and contribute: manifests, chart, unit, workflows. Where their tools are missing, their structure is checked. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments, stringify } from "yaml";
import { runCli } from "../../packages/holdfast/test/cli/run-cli.js";

const root = join(import.meta.dirname, "../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

// biome-ignore lint/suspicious/noExplicitAny: documents of other tools, whose shape is what is tested
type Document = any;

const documentsIn = (text: string): Document[] =>
  parseAllDocuments(text).flatMap((each) => each.toJS() ?? []);
const kindOf = (documents: readonly Document[], kind: string) => documents.find((each) => each.kind === kind);

const manifests = readdirSync(join(root, "examples/kubernetes"))
  .filter((name) => name.endsWith(".yaml") && !["kustomization.yaml", "holdfast.config.yaml"].includes(name))
  .flatMap((name) => documentsIn(read(`examples/kubernetes/${name}`)));

/** The subset of Go's templates that the chart keeps to. */
function render(template: string, values: Document, release = "live"): string {
  const valueAt = (path: string): Document =>
    path === ".Release.Name"
      ? release
      : path
          .replace(/^\.Values\./, "")
          .split(".")
          .reduce((at, name) => at?.[name], values);
  const isOn = (value: Document) =>
    value !== undefined &&
    value !== false &&
    value !== "" &&
    (typeof value !== "object" || Object.keys(value).length > 0);
  let text = template;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(
      /^ *\{\{- if (\.[\w.]+) \}\}\n((?:(?!\{\{- (?:if|end))[\s\S])*?)^ *\{\{- end \}\}\n?/m,
      (_, path: string, body: string) => (isOn(valueAt(path)) ? body : ""),
    );
  }
  text = text.replace(
    /\n? *\{\{- toYaml (\.[\w.]+) \| nindent (\d+) \}\}/g,
    (_, path: string, indent: string) => {
      const lines = stringify(valueAt(path)).trimEnd().split("\n");
      return `\n${lines.map((line) => " ".repeat(Number(indent)) + line).join("\n")}`;
    },
  );
  text = text.replace(/\{\{ toYaml \.[\w.]+ \| sha256sum \}\}/g, "0".repeat(64));
  text = text.replace(/\{\{ (\.[\w.]+)( \| quote)? \}\}/g, (_, path: string, quote?: string) => {
    const value = valueAt(path);
    if (value === undefined) throw new Error(`the chart uses ${path}, which has no value`);
    return quote ? JSON.stringify(String(value)) : String(value);
  });
  const rest = /\{\{[^}]*\}\}/.exec(text);
  if (rest) throw new Error(`${rest[0]} is more than this test can render`);
  return text;
}

const chart = "examples/helm/holdfast";
const values = parse(read(`${chart}/values.yaml`)) as Document;

function renderChart(changes: Document = {}): Document[] {
  return readdirSync(join(root, chart, "templates"))
    .sort()
    .flatMap((name) => documentsIn(render(read(`${chart}/templates/${name}`), { ...values, ...changes })));
}

describe.each([
  ["manifests", () => manifests],
  ["chart", () => renderChart()],
] as const)("Kubernetes by %s", (_name, documents) => {
  const deployment = () => kindOf(documents(), "Deployment");
  const pod = () => deployment().spec.template.spec;
  const container = () => pod().containers[0];

  it("has each object once", () => {
    const kinds = documents().map(({ kind }) => kind);
    expect(new Set(kinds).size).toBe(kinds.length);
    expect(kinds).toEqual(
      expect.arrayContaining(["Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"]),
    );
  });

  it("drains a pod before it is killed, and tells proxies first", () => {
    const { terminationGracePeriodSeconds: grace } = pod();
    const { lifecycle, env } = container();
    const [, seconds] = lifecycle.preStop.exec.command;
    const drain = env.find(({ name }: Document) => name === "HOLDFAST_DRAIN_TIMEOUT_MS").value;
    expect(Number(seconds) + Number(drain) / 1000).toBeLessThan(grace);
  });

  it("takes a pod out of service by its health, and kills it only where it does not answer at all", () => {
    const { startupProbe, readinessProbe, livenessProbe, ports } = container();
    for (const probe of [startupProbe, readinessProbe])
      expect(probe.httpGet).toEqual({ path: "/health", port: "http" });
    expect(livenessProbe.tcpSocket).toEqual({ port: "http" });
    expect(ports).toContainEqual({ name: "http", containerPort: 8000 });
  });

  it("never has fewer pods than asked for in a rollout, and loses one at a time otherwise", () => {
    expect(deployment().spec.strategy.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
    expect(deployment().spec.replicas).toBeGreaterThan(1);
    expect(kindOf(documents(), "PodDisruptionBudget").spec.maxUnavailable).toBe(1);
  });

  it("runs without privileges", () => {
    expect(pod().securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(container().securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(pod().automountServiceAccountToken).toBe(false);
  });

  it("has a command line that doctor finds no fault in", async () => {
    const args = container()
      .args.slice(1)
      .map((arg: string) =>
        arg === "/etc/holdfast/holdfast.config.yaml"
          ? join(root, "examples/kubernetes/holdfast.config.yaml")
          : arg,
      );
    const secrets = {
      TOKEN_SECRET: "rT7xKq2mVb9LwZc4NpYs8HdJfG3uEa6QkWvXtB1o",
      API_KEY: "zT7xKq2mVb9LwZc4NpYs8HdJfG3uEa6QkWvXtB1o",
    };
    const env = { ...secrets, HOLDFAST_HOST: "0.0.0.0", HOLDFAST_BROKER: "rediss://:x@redis.example:6379" };
    const { out } = await runCli(["doctor", "--no-connect", "--json", ...args], env);
    const errors = (JSON.parse(out) as { severity: string }[]).filter(({ severity }) => severity === "error");
    expect(errors).toEqual([]);
  });
});

describe("chart", () => {
  it("has an ingress where it is asked for, without buffering and with time for quiet connections", () => {
    expect(kindOf(renderChart(), "Ingress")).toBeUndefined();
    const ingress = kindOf(renderChart({ ingress: { ...values.ingress, enabled: true } }), "Ingress");
    expect(ingress.spec.rules[0].host).toBe("live.example.com");
    expect(ingress.metadata.annotations).toMatchObject({
      "nginx.ingress.kubernetes.io/proxy-buffering": "off",
      "nginx.ingress.kubernetes.io/proxy-read-timeout": "75",
    });
  });

  it("passes on further flags, annotations and placement", () => {
    const extra = {
      extraArgs: ["--log-level", "info"],
      podAnnotations: { team: "live" },
      nodeSelector: { disk: "ssd" },
      tolerations: [{ key: "live", operator: "Exists" }],
    };
    const { metadata, spec } = kindOf(renderChart(extra), "Deployment").spec.template;
    expect(spec.containers[0].args.slice(-2)).toEqual(["--log-level", "info"]);
    expect(metadata.annotations).toMatchObject({ team: "live", "prometheus.io/port": "9100" });
    expect([spec.nodeSelector, spec.tolerations]).toEqual([extra.nodeSelector, extra.tolerations]);
  });

  it("has the configuration as it was given", () => {
    const map = kindOf(renderChart(), "ConfigMap");
    expect(parse(map.data["holdfast.config.yaml"])).toEqual(values.config);
  });

  it.skipIf(spawnSync("helm", ["version"]).error !== undefined)("is accepted by helm", () => {
    execFileSync("helm", ["lint", "--strict", join(root, chart)]);
  });
});

it.skipIf(spawnSync("kubectl", ["version", "--client"]).error !== undefined)(
  "the manifests are accepted by kustomize, which labels and names them",
  () => {
    const text = execFileSync("kubectl", ["kustomize", join(root, "examples/kubernetes")], {
      encoding: "utf8",
    });
    const deployment = kindOf(documentsIn(text), "Deployment");
    expect(deployment.spec.selector.matchLabels).toEqual({ "app.kubernetes.io/name": "holdfast" });
    const { volumes } = deployment.spec.template.spec;
    expect(volumes[0].configMap.name).toMatch(/^holdfast-\w+$/);
  },
);

describe("systemd unit", () => {
  const unit = read("examples/systemd/holdfast.service");
  const valueAt = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1];

  it("ends the server by SIGTERM with time to drain, reloads it by SIGHUP, and brings it back", () => {
    expect(valueAt("KillSignal")).toBe("SIGTERM");
    expect(valueAt("KillMode")).toBe("mixed");
    expect(Number(valueAt("TimeoutStopSec"))).toBeGreaterThan(30);
    expect(valueAt("ExecReload")).toContain("-HUP $MAINPID");
    expect(valueAt("Restart")).toBe("always");
  });

  it("lets the server write its own folder only", () => {
    expect([valueAt("ProtectSystem"), valueAt("StateDirectory"), valueAt("User")]).toEqual([
      "strict",
      "holdfast",
      "holdfast",
    ]);
    expect(valueAt("ExecStart")).toContain("--data /var/lib/holdfast");
  });

  const hasAnalyzer = spawnSync("systemd-analyze", ["--version"]).status === 0;
  it.skipIf(!hasAnalyzer)("is well hardened by the measure of systemd", () => {
    const path = join(root, "examples/systemd/holdfast.service");
    const args = ["security", "--offline=true", "--threshold=20", "--no-pager", path];
    const { status, stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
    expect([status, /exposure level.*$/m.exec(stdout)?.[0]]).toEqual([0, expect.stringContaining("OK")]);
  });
});

describe("image", () => {
  const dockerfile = read("examples/compose/Dockerfile");
  const lines = dockerfile.replace(/\\\n/g, "").split("\n");
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
  const instruction = (name: string) => last.filter((line) => line.startsWith(`${name} `));

  it("ends with what it needs to serve, for a user that is not root", () => {
    expect(lines.filter((line) => line.startsWith("FROM "))).toHaveLength(2);
    expect(instruction("USER")).toEqual(["USER node"]);
    expect(last.findIndex((line) => line.startsWith("RUN "))).toBeLessThan(
      last.findIndex((line) => line.startsWith("USER ")),
    );
  });

  it("has the server as process 1, so that signals reach it", () => {
    expect(JSON.parse(instruction("ENTRYPOINT")[0]?.slice("ENTRYPOINT ".length) ?? "")).toEqual([
      "node",
      "/app/node_modules/holdfast/bin/holdfast.js",
    ]);
    expect(instruction("CMD")).toEqual(['CMD ["serve"]']);
    expect(instruction("STOPSIGNAL")).toEqual(["STOPSIGNAL SIGTERM"]);
  });

  it("says whether it is healthy by asking the server", async () => {
    const command = /CMD (\["node", "-e".*\])$/.exec(instruction("HEALTHCHECK")[0] ?? "")?.[1];
    const [program, ...args] = JSON.parse(command ?? "[]") as [string, ...string[]];
    const { status } = spawnSync(program, args, { env: { ...process.env, HOLDFAST_PORT: "1" } });
    expect(status).toBe(1);
  });
});

describe("workflows", () => {
  const workflows = readdirSync(join(root, ".github/workflows")).map((name) => ({
    name,
    text: read(`.github/workflows/${name}`),
    workflow: parse(read(`.github/workflows/${name}`)) as Document,
  }));
  const jobs = workflows.flatMap(({ name, workflow }) =>
    Object.entries<Document>(workflow.jobs).map(([job, body]) => ({ name, job, body })),
  );

  it("test on every version of Node.js that the packages accept, on the three systems", () => {
    const { matrix } = workflows.find(({ name }) => name === "ci.yml")?.workflow.jobs.unit.strategy ?? {};
    expect(matrix).toEqual({
      os: ["ubuntu-latest", "macos-latest", "windows-latest"],
      node: [20, 22, 24, 26],
    });
    const { engines } = JSON.parse(read("package.json"));
    expect(engines.node).toMatch(/^>=20\./);
  });

  it("run scripts that there are", () => {
    const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
    const called = workflows.flatMap(({ text }) =>
      [...text.matchAll(/npm run (?:--silent )?([\w:-]+)/g)].map(([, script]) => script as string),
    );
    expect(called.length).toBeGreaterThan(5);
    expect(called.filter((script) => scripts[script] === undefined)).toEqual([]);
  });

  it("have no more rights than they need, end at some time, and name the versions of their actions", () => {
    for (const { workflow, text } of workflows) {
      expect(workflow.permissions).toBeDefined();
      expect(text).not.toContain("pull_request_target");
      for (const [, action] of text.matchAll(/uses: (\S+)/g)) expect(action).toMatch(/@v\d+$/);
    }
    for (const { job, body } of jobs)
      expect([job, body["timeout-minutes"]]).toEqual([job, expect.any(Number)]);
  });

  it("publish with provenance, from one workflow only", () => {
    const publishing = workflows.filter(({ text }) => text.includes("release:publish"));
    expect(publishing.map(({ name }) => name)).toEqual(["release.yml"]);
    const { permissions, steps } = publishing[0]?.workflow.jobs.release ?? {};
    expect(permissions["id-token"]).toBe("write");
    const step = steps.find(({ uses }: Document) => uses?.startsWith("changesets/action"));
    expect(step.env.NPM_CONFIG_PROVENANCE).toBe("true");
  });
});

describe("project", () => {
  it("has what contributors look for, in forms that can be read", () => {
    for (const name of readdirSync(join(root, ".github/ISSUE_TEMPLATE"))) {
      const form = parse(read(`.github/ISSUE_TEMPLATE/${name}`)) as Document;
      if (name === "config.yml") continue;
      expect([form.name, form.description, form.body.length]).toEqual([
        expect.any(String),
        expect.any(String),
        expect.any(Number),
      ]);
    }
    const { updates } = parse(read(".github/dependabot.yml")) as Document;
    for (const { directory } of updates) expect(existsSync(join(root, directory))).toBe(true);
    for (const file of ["CODE_OF_CONDUCT.md", ".editorconfig", ".changeset/config.json"])
      expect(read(file)).not.toBe("");
  });

  it("releases the packages that are published together", () => {
    const { fixed } = JSON.parse(read(".changeset/config.json")) as { fixed: string[][] };
    const names = ["holdfast", "client", "lab"].map(
      (folder) => JSON.parse(read(`packages/${folder}/package.json`)).name,
    );
    expect(fixed).toEqual([names]);
  });

  it("names one version everywhere", () => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [join(root, "scripts/set-version.mjs"), "--check"],
      {
        encoding: "utf8",
      },
    );
    expect([status, stderr]).toEqual([0, ""]);
  });
});
