import { describe, expect, it } from "vitest";
import { examine } from "../../src/config/doctor/doctor.js";
import { isServiceVariable } from "../../src/config/service-variables.js";
import { loadFrom, makeFolder } from "./config-folder.js";

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
