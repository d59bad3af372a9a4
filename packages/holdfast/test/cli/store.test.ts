import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createTemporaryFolder } from "../support/temporary-folder.js";
import { CliRun, runCli, serve } from "./run-cli.js";

const main = join(import.meta.dirname, "../../bin/holdfast.js");

async function serveWithNews(count: number) {
  const data = createTemporaryFolder("store");
  const server = await serve("--data", data);
  const lines = Array.from({ length: count }, (_, n) => `line ${n + 1}\n`).join("");
  const { code } = await runCli(["publish", "news", "--url", server.url], {}, undefined, lines);
  expect(code).toBe(0);
  return { ...server, data, lines };
}

describe("holdfast store", () => {
  it("copies a store while a server uses it, and another server continues with the copy", async () => {
    const { data, run } = await serveWithNews(50);
    const backup = join(createTemporaryFolder("backup"), "monday");
    const made = await runCli(["store", "backup", backup, "--data", data]);
    expect([made.code, made.err]).toEqual([0, ""]);
    expect(made.out).toMatch(/monday: 1 channels in [\d.]+ .iB, as of 20/);
    expect(run.child.exitCode).toBeNull();
    const restored = join(createTemporaryFolder("restored"), "data");
    const { code, out } = await runCli(["store", "restore", backup, "--data", restored]);
    expect([code, out]).toEqual([0, expect.stringMatching(/data: 1 channels, as of 20/)]);
    const other = await serve("--data", restored);
    const history = await runCli(["history", "news", "--limit", "100", "--url", other.url]);
    expect(history.lines).toHaveLength(50);
  });

  it("says what is in a store in use, and that it is sound", async () => {
    const { data, run } = await serveWithNews(3);
    const inspected = await runCli(["store", "inspect", "--data", data, "--json"]);
    expect(JSON.parse(inspected.out)).toMatchObject({
      server: run.child.pid,
      channels: 1,
      total: { publications: 3 },
      largest: [{ channel: "news", publications: 3 }],
    });
    const table = await runCli(["store", "inspect", "--data", data]);
    expect(table.out).toContain(`used by process ${run.child.pid}`);
    expect(table.out).toMatch(/^news +1 +3 +0 /m);
    const checked = await runCli(["store", "check", "--data", data]);
    expect([checked.code, checked.out]).toEqual([
      0,
      expect.stringMatching(/^sound {2}1 channels, 3 publications/),
    ]);
  });

  it("counts by the patterns of a configuration", async () => {
    const { data } = await serveWithNews(3);
    const folder = createTemporaryFolder("config");
    writeFileSync(
      join(folder, "holdfast.config.yaml"),
      "channels:\n  '{name}':\n    history: { size: 10 }\n",
    );
    const { out, err } = await runCli(["store", "inspect", "--data", data, "--json"], {}, folder);
    expect(err).toBe("");
    expect(JSON.parse(out).patterns).toMatchObject([{ pattern: "{name}", channels: 1 }]);
  });

  it("compacts a store that is not in use, and refuses one that is", async () => {
    const { data, run } = await serveWithNews(3);
    const refused = await runCli(["store", "compact", "--data", data]);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("in use")]);
    run.kill("SIGTERM");
    await run.exit();
    const { code, out } = await runCli(["store", "compact", "--data", data]);
    expect([code, out]).toEqual([0, expect.stringMatching(/the index has [\d.]+ .iB, and had [\d.]+ .iB/)]);
  });

  it("restores as of a time, and says how much was left out", async () => {
    const { data } = await serveWithNews(3);
    const parent = createTemporaryFolder("backup");
    await runCli(["store", "backup", join(parent, "a"), "--data", data]);
    const early = ["--until", "2020-01-01T00:00:00Z"];
    const { code, out } = await runCli([
      "store",
      "restore",
      join(parent, "a"),
      "--data",
      join(parent, "b"),
      ...early,
    ]);
    expect([code, out]).toEqual([0, expect.stringContaining("3 publications came later, and were left out")]);
    const wrong = await runCli([
      "store",
      "restore",
      join(parent, "a"),
      "--until",
      "yesterday",
      "--data",
      join(parent, "c"),
    ]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("It must be a time")]);
  });

  it("exits with 1 for a damaged store, and names what is damaged", async () => {
    const { data, run } = await serveWithNews(3);
    run.kill("SIGKILL");
    await run.exit();
    const [journal = ""] = readdirSync(data).filter((name) => /^journal-\d+\.log$/.test(name));
    writeFileSync(join(data, journal), "this is no frame of a journal, and never was one");
    const { code, out } = await runCli(["store", "check", "--data", data]);
    expect(code).toBe(1);
    expect(out).toContain(journal);
    expect(out).toContain("--repair-data");
  });

  it("says where there is no store, and which folder it looked for", async () => {
    for (const command of ["inspect", "check", "compact"]) {
      const { code, err } = await runCli(["store", command, "--data", "/no/such/folder"]);
      expect([code, err]).toEqual([1, "holdfast: there is no store in /no/such/folder\n"]);
      const memory = await runCli(["store", command]);
      expect([memory.code, memory.err]).toEqual([2, expect.stringContaining("--data")]);
    }
  });
});

describe.skipIf(process.platform === "win32")("backup to a full disk", () => {
  it("fails, says so, leaves nothing behind, and does not concern the server", async () => {
    const { data, url, lines } = await serveWithNews(2000);
    const target = join(createTemporaryFolder("backup"), "full");
    mkdirSync(target);
    // No file of the command may have more than 8 KiB.
    const script = `ulimit -f 8 2>/dev/null; trap '' XFSZ; exec "$@"`;
    const args = ["-c", script, "sh", process.execPath, main, "store", "backup", target, "--data", data];
    const child = spawn("bash", args, { stdio: ["ignore", "ignore", "pipe"] });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([code, err]).toEqual([1, expect.stringContaining(`there is no room for the copy in ${target}`)]);
    expect(readdirSync(target)).toEqual([]);
    expect(existsSync(data)).toBe(true);
    const after = await runCli(["publish", "news", "--url", url], {}, undefined, lines);
    expect(after.code).toBe(0);
    const again = new CliRun(["store", "backup", target, "--data", data]);
    expect(await again.exit()).toBe(0);
  });
});
