import { describe, expect, it } from "vitest";
import { fanOutContenders, holdfast, installedOf } from "../../bench/support/contenders.js";
import { natsCore, natsProtocol } from "../../bench/support/nats-server.js";
import { publishContenderNames } from "../../bench/support/publish-contenders.js";

describe("contenders", () => {
  it("leaves out and names those that are not on this machine", () => {
    const native = { ...natsCore, files: [process.execPath, "/no/such/file"] };
    const absent = { name: "absent", server: "", native, protocol: natsProtocol };
    expect(installedOf([absent, holdfast])).toEqual({ installed: [holdfast], missing: ["absent"] });
    const present = { ...absent, native: { ...native, files: [process.execPath] } };
    expect(installedOf([present]).installed).toEqual([present]);
  });

  it("has each name once", () => {
    for (const names of [fanOutContenders.map(({ name }) => name), publishContenderNames])
      expect(new Set(names).size).toBe(names.length);
  });
});
