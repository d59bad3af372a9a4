import { describe, expect, it } from "vitest";
import { CliRun, runCli } from "./run-cli.js";

const key = "a key of the API that is long enough";

async function serve(): Promise<string> {
  const run = new CliRun(["serve", "--port", "0", "--api-keys", key]);
  await run.untilSaid(/Ctrl\+C to stop/);
  const url = /listening on (http:\S+)/.exec(run.out)?.[1];
  if (url === undefined) throw new Error(`no address in: ${run.out}${run.err}`);
  return url;
}

describe("holdfast nodes", () => {
  it("lists the nodes of a server with what they hold", async () => {
    const url = await serve();
    const { code, out } = await runCli(["nodes", "--url", url, "--api-key", key]);
    expect(code).toBe(0);
    const [head, node] = out.trim().split("\n");
    expect(head?.split(/ {2,}/)).toEqual(["node", "version", "up", "clients", "subscriptions", "channels"]);
    expect(node).toMatch(/^\S+:\d+ +\d+\.\d+\.\d+ +\d+ s +0 +0 +0$/);
  });

  it("prints JSON for programs", async () => {
    const url = await serve();
    const { out } = await runCli(["nodes", "--json"], { HOLDFAST_URL: url, HOLDFAST_API_KEY: key });
    expect(JSON.parse(out)).toMatchObject({ num_clients: 0, version: expect.any(String) });
  });

  it("says what to do when the server refuses, and when there is none", async () => {
    const url = await serve();
    const refused = await runCli(["nodes", "--url", url]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("--api-key or HOLDFAST_API_KEY");
    const unreachable = await runCli(["nodes", "--url", "http://localhost:1"]);
    expect(unreachable.code).toBe(1);
    expect(unreachable.err).toContain("cannot reach http://localhost:1: ");
    expect((await runCli(["nodes", "--url", "unix:/tmp/a"])).code).toBe(2);
  });
});
