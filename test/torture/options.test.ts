import { describe, expect, it } from "vitest";
import { describeOptions, InvalidFlag, readOptions } from "./options.js";

describe("flags of a torture run", () => {
  it("have defaults", () => {
    const options = readOptions(["--seed", "7"]);
    expect(options).toMatchObject({
      seed: 7,
      seconds: 30,
      publishers: 200,
      subscribers: 200,
      channels: 20,
      kills: 8,
      hasPowerCuts: true,
      store: "disk",
      ways: ["command", "rpc", "http"],
    });
  });

  it("draw a seed where none is given", () => {
    expect(readOptions([])?.seed).toBeGreaterThanOrEqual(0);
  });

  it("are taken as they are given", () => {
    const args =
      "--seconds 8 --kills 0 --no-power-cuts --no-store --ways rpc,http --sdk-subscribers 50 --subscribers 5";
    expect(readOptions(args.split(" "))).toMatchObject({
      seconds: 8,
      kills: 0,
      hasPowerCuts: false,
      store: "none",
      ways: ["rpc", "http"],
      sdkSubscribers: 5,
    });
  });

  it("are refused outside of their range, with the range", () => {
    for (const given of ["0", "601", "1.5", "x", ""])
      expect(() => readOptions(["--seconds", given])).toThrow("--seconds accepts an integer from 1 to 600");
    expect(() => readOptions(["--ways", "rpc,mail"])).toThrow("not mail");
  });

  it("name the store of several nodes, and what it can keep", () => {
    expect(readOptions(["--nodes", "3", "--broker", "nats"])).toMatchObject({
      nodes: 3,
      broker: "nats",
      store: "process",
      hasPowerCuts: false,
    });
    expect(() => readOptions(["--nodes", "3"])).toThrow("--broker is needed for 3 nodes");
    expect(readOptions(["--node-faults", "nodeKill,isolate"])?.nodeFaults).toEqual(["nodeKill", "isolate"]);
    expect(() => readOptions(["--broker", "kafka"])).toThrow("accepts shared, redis,");
  });

  it("are refused when there are none such, with those that there are", () => {
    expect(() => readOptions(["--second", "3"])).toThrow(InvalidFlag);
    expect(() => readOptions(["--second", "3"])).toThrow("--seconds");
  });

  it("are described on request", () => {
    expect(readOptions(["--help"])).toBeUndefined();
    expect(describeOptions()).toContain("--settle-seconds N");
  });
});
