import { describe, expect, it } from "vitest";
import { bareAddress, maskAddress } from "../../src/options/secrets.js";

describe("address of a store", () => {
  it.each([
    ["redis://localhost:6379", "redis://localhost:6379", "redis://localhost:6379"],
    ["redis://:pa/ss@h@one:1,two:2/0", "redis://********@one:1,two:2/0", "redis://one:1,two:2/0"],
    ["nats://ann:secret@one?token=secret@x", "nats://********@one?********", "nats://one"],
  ])("%s shows no secret", (url, masked, bare) => {
    expect([maskAddress(url), bareAddress(url)]).toEqual([masked, bare]);
  });
});
