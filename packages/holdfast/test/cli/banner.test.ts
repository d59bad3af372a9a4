import { describe, expect, it } from "vitest";
import { banner } from "../../src/cli/banner.js";
import { loadConfiguration } from "../../src/config/load-config.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

const address = { host: "127.0.0.1", port: 8000, url: "http://localhost:8000" };
const apiKeys = ["a key of the banner's tests"];

async function bannerFor(flags: Readonly<Record<string, unknown>>, where = address): Promise<string> {
  const configuration = await loadConfiguration({ flags, env: {}, folder: createTemporaryFolder("banner") });
  return banner(where, configuration);
}

describe("banner", () => {
  it("names the console where there is a key, below the base path", async () => {
    expect(await bannerFor({ apiKeys })).toContain("Console        http://localhost:8000/console/");
    expect(await bannerFor({ apiKeys, basePath: "/rt" })).toContain("http://localhost:8000/rt/console/");
  });

  it.each([
    ["a key", {}, address],
    ["the option", { apiKeys, console: false }, address],
    ["a TCP port", { apiKeys }, { host: "/run/h.sock", port: 0, url: "unix:/run/h.sock" }],
  ])("does not without %s", async (_, flags, where) => {
    expect(await bannerFor(flags, where)).not.toContain("Console");
  });
});
