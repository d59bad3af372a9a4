import { describe, expect, it } from "vitest";
import { optionSummaries } from "../../src/config/option-summaries.js";
import { configOptions, findOption } from "../../src/config/option-table.js";
import { parseOptionText } from "../../src/config/option-text.js";
import { defaultOptions } from "../../src/server/options.js";
import { defaultDeflateSettings } from "../../src/websocket.js";

const read = (path: string, text: string) => {
  const option = findOption(path);
  if (option === undefined) throw new Error(`no option ${path}`);
  return parseOptionText(option, text);
};

describe("table of options", () => {
  it("has every option of the server that is no code, groups included", () => {
    const code = ["authenticate", "rulesFor"];
    const { store, ring, limits, requests, times, tls: _tls, ...plain } = defaultOptions;
    const { contextTakeover: _never, ...compression } = defaultDeflateSettings;
    const nested = Object.entries({ store, ring, limits, requests, times, compression }).flatMap(
      ([group, fields]) => Object.keys(fields).map((name) => `${group}.${name}`),
    );
    const expected = [...Object.keys(plain).filter((name) => !code.includes(name)), ...nested];
    const paths = configOptions.map(({ path }) => path);
    expect(paths.sort()).toEqual([...expected, "pages", "tls.cert", "tls.key", "durability"].sort());
  });

  it("takes kind and default of what it has no exception for from the server's defaults", () => {
    for (const [name, value] of Object.entries(defaultOptions.limits))
      expect(findOption(`limits.${name}`)).toMatchObject({ kind: "integer", fallback: value });
    expect(findOption("http2")).toMatchObject({ kind: "boolean", fallback: true });
    expect(findOption("host")).toMatchObject({ kind: "text", fallback: "127.0.0.1" });
  });

  it("gives each a flag and a variable of its own", () => {
    expect(new Set(configOptions.map(({ flag }) => flag)).size).toBe(configOptions.length);
    for (const { flag, variable } of configOptions) {
      expect(flag).toMatch(/^--[a-z0-9]+(?:-[a-z0-9]+)*$/);
      expect(variable).toBe(`HOLDFAST_${flag.slice(2).replaceAll("-", "_").toUpperCase()}`);
    }
    expect(findOption("limits.maxChannels")).toMatchObject({
      flag: "--limits-max-channels",
      variable: "HOLDFAST_LIMITS_MAX_CHANNELS",
    });
  });

  it.each([
    ["port", "--port"],
    ["host", "--host"],
    ["data", "--data"],
    ["durability", "--durability"],
    ["repairData", "--repair-data"],
    ["apiKeys", "--api-key"],
    ["tls.cert", "--tls-cert"],
    ["tls.key", "--tls-key"],
    ["compression", "--compression"],
    ["allowedOrigins", "--allowed-origins"],
    ["maxConnections", "--max-connections"],
    ["maxMessageBytes", "--max-message-bytes"],
    ["times.pingIntervalMs", "--ping-interval-ms"],
    ["times.pongTimeoutMs", "--pong-timeout-ms"],
  ])("%s has kept its flag %s", (path, flag) => {
    expect(findOption(path)?.flag).toBe(flag);
  });

  it("has words for no option that is not there", () => {
    const paths = configOptions.map(({ path }) => path);
    expect(Object.keys(optionSummaries).filter((path) => !paths.includes(path))).toEqual([]);
  });

  it.each([
    ["port", "17", 17],
    ["port", "1.5", undefined],
    ["port", "-1", undefined],
    ["port", "x", undefined],
    ["maxConnections", "none", null],
    ["data", "memory", null],
    ["data", "./here", "./here"],
    ["data", "none", "none"],
    ["pages", "none", null],
    ["http2", "false", false],
    ["http2", "ON", true],
    ["http2", "maybe", undefined],
    ["durability", "disk", "disk"],
    ["durability", "tape", undefined],
    ["allowedOrigins", " a , ,b", ["a", "b"]],
    ["host", "none", "none"],
  ])("%s reads %j as %j", (path, text, value) => {
    expect(read(path, text)).toEqual(value);
  });
});
