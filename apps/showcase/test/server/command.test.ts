import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runCli, serveWith } from "../../../../packages/holdfast/test/cli/run-cli.js";
import { createTemporaryFolder } from "../../../../packages/holdfast/test/support/temporary-folder.js";

const program = join(import.meta.dirname, "../../dist/server/main.js");
const serve = (...flags: string[]) => serveWith(program, ...flags);

function createFolder(): string {
  return createTemporaryFolder("showcase-cli");
}

describe("npm start", () => {
  it("says what to open, how to moderate, what to try, and who can connect", async () => {
    const { run, url } = await serve();
    expect(run.out).toContain(`Open           ${url} in two windows: chat, draw, play, measure`);
    expect(run.out).toMatch(/Moderate {7}with the moderatorKey in \S+showcase-keys\.json/);
    expect(run.out).toContain("npx holdfast publish news");
    expect(run.out).toContain("Only this machine can connect (127.0.0.1)");
    run.kill("SIGTERM");
    expect(await run.exit()).toBe(0);
  });

  it("says where the key is where there is no folder, and whose keys count where there are others", async () => {
    const inMemory = await serve("--data", "memory");
    const file = /Moderate +with the moderatorKey in (\S+)\n/.exec(inMemory.run.out)?.[1] as string;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const { moderatorKey: key, programKey } = JSON.parse(readFileSync(file, "utf8")) as Record<
      string,
      string
    >;
    for (const secret of [key, programKey])
      expect(inMemory.run.out + inMemory.run.err).not.toContain(secret as string);
    const info = (url: string) =>
      fetch(`${url}/api/info`, { method: "POST", headers: { "X-API-Key": key as string }, body: "{}" });
    expect((await info(inMemory.url)).status).toBe(200);
    const withKeys = await serve("--data", "memory", "--api-keys", "another key of the operator");
    expect(withKeys.run.out).toContain("with one of your API keys");
    expect((await info(withKeys.url)).status).toBe(401);
    inMemory.run.kill("SIGTERM");
    await inMemory.run.exit();
    expect(existsSync(file)).toBe(false);
  });

  it("takes nothing of a program that has not the key for those", async () => {
    const { url } = await serve();
    const elsewhere = { XDG_RUNTIME_DIR: createFolder() };
    const { code, err } = await runCli(["publish", "news", "1", "--url", url], elsewhere);
    expect([code, err]).toEqual([1, expect.stringMatching(/permission denied: .+ \(code 103\)/)]);
  });

  it("takes publish, subscribe and history of this machine, but not in private rooms", async () => {
    const { url } = await serve();
    for (const channel of ["news", "chat:lobby"]) {
      expect((await runCli(["publish", channel, '"hello"', "--url", url])).code).toBe(0);
      const { lines } = await runCli(["subscribe", channel, "--since", "0", "--count", "1", "--url", url]);
      expect(JSON.parse(lines[0] as string).data).toEqual(
        channel === "news" ? "hello" : expect.objectContaining({ text: "hello" }),
      );
      expect((await runCli(["history", channel, "--url", url])).lines).toHaveLength(1);
    }
    for (const command of [
      ["publish", "private:x", "1"],
      ["history", "private:x"],
      ["history", "sanctions"],
    ]) {
      const { code, err } = await runCli([...command, "--url", url]);
      expect([code, err]).toEqual([1, expect.stringMatching(/permission denied: .+ \(code 103\)/)]);
    }
  });

  it("is refused beside an application of a configuration", async () => {
    const folder = createFolder();
    writeFileSync(join(folder, "holdfast.config.json"), '{"channels":{"news":{}}}');
    const { code, err } = await runCli(["--port", "0"], {}, folder, "", program);
    expect([code, err]).toEqual([2, expect.stringContaining("the showcase has its own application")]);
  });
});
