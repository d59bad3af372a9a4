import { describe, expect, it } from "vitest";
import { examine } from "../../src/config/doctor.js";
import { configOptions, findOption, isServiceVariable, parseOptionText } from "../../src/config/settings.js";
import { loadFrom, makeFolder } from "./config-folder.js";

const read = (path: string, text: string) => {
  const option = findOption(path);
  if (option === undefined) throw new Error(`no option ${path}`);
  return parseOptionText(option, text);
};

describe("options of flags and variables", () => {
  it("are named by one rule, without exceptions", () => {
    for (const { path, flag, variable } of configOptions) {
      const words = path.replaceAll(".", "-").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      expect(flag).toBe(`--${words}`);
      expect(variable).toBe(`HOLDFAST_${words.replaceAll("-", "_").toUpperCase()}`);
    }
    expect(new Set(configOptions.map(({ flag }) => flag)).size).toBe(configOptions.length);
    expect(configOptions.length).toBeGreaterThan(80);
  });

  it.each([
    ["port", "17", 17],
    ["port", "1.5", undefined],
    ["port", "-1", undefined],
    ["port", "x", undefined],
    ["port", "70000", undefined],
    ["port", "none", undefined],
    ["maxConnections", "none", null],
    ["data", "memory", null],
    ["data", "./here", "./here"],
    ["data", "none", "none"],
    ["pages", "none", null],
    ["compression", "on", true],
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

/** As the kubelet sets them for services called `holdfast` and `holdfast-data`. */
const kubernetes = {
  HOLDFAST_SERVICE_HOST: "10.0.0.7",
  HOLDFAST_SERVICE_PORT: "8000",
  HOLDFAST_SERVICE_PORT_HTTP: "8000",
  HOLDFAST_PORT: "tcp://10.0.0.7:8000",
  HOLDFAST_PORT_8000_TCP: "tcp://10.0.0.7:8000",
  HOLDFAST_PORT_8000_TCP_PROTO: "tcp",
  HOLDFAST_PORT_8000_TCP_PORT: "8000",
  HOLDFAST_PORT_8000_TCP_ADDR: "10.0.0.7",
  HOLDFAST_PORT_53_UDP: "udp://10.0.0.7:53",
  HOLDFAST_DATA_SERVICE_HOST: "fd00::7",
  HOLDFAST_DATA_PORT: "tcp://[fd00::7]:9000",
};

describe("variables of Kubernetes services", () => {
  it("say nothing of options", async () => {
    const folder = makeFolder({ "holdfast.config.yaml": "port: 1001" });
    expect((await loadFrom(folder, { env: kubernetes })).options.port).toBe(1001);
    const { options, settings } = await loadFrom(makeFolder({}), { env: kubernetes });
    expect(options).not.toHaveProperty("port");
    expect(settings.get("port")).toMatchObject({ value: 8000, source: { kind: "default" } });
  });

  it("are not unknown ones to the doctor", async () => {
    const configuration = await loadFrom(makeFolder({}), { env: kubernetes });
    const findings = examine(configuration, kubernetes, { now: Date.now(), limits: {} as never });
    expect(findings.filter(({ id }) => id === "unknown-variable")).toEqual([]);
  });

  it.each([
    ["HOLDFAST_PORT", "9000"],
    ["HOLDFAST_PORT", "x"],
    ["HOLDFAST_HOST", "tcp://10.0.0.7:8000"],
    ["HOLDFAST_PORTS", "tcp://10.0.0.7:8000"],
  ])("are not these: %s=%s", (name, text) => {
    expect(isServiceVariable(name, text)).toBe(false);
  });
});
