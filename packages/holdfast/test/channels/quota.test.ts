import { describe, expect, it } from "vitest";
import { client } from "../../../../test/conformance/broker/fixture.js";
import { LocalPresence } from "../../src/brokers/local-presence.js";
import { Quota, WindowQuota } from "../../src/channels/quota.js";
import { ownerOf } from "../../src/sessions/identity.js";
import { FakeClock } from "../support/fake-clock.js";
import { createTestNode } from "./support/test-node.js";

const bound = { max: 160, userPercent: 5, what: "things", option: "maxThings" };
const full = { code: "HF_BROKER_FULL" };

/** Adds until it is refused. */
function fill(quota: Quota, owner: string | undefined): number {
  for (let count = 0; ; count++) {
    try {
      quota.assertRoom(owner);
    } catch {
      return count;
    }
    quota.add(owner);
  }
}

describe("quota", () => {
  it("lets anyone take half, then each owner a share, and only the server its reserve", () => {
    const quota = new Quota(bound);
    expect(fill(quota, "user:a")).toBe(80);
    expect(fill(quota, "user:b")).toBe(8);
    expect(fill(quota, "address:c")).toBe(8);
    // Somebody who cannot be told from others has no share of its own.
    expect(fill(quota, "")).toBe(160 - 10 - 96);
    expect(fill(quota, "user:d")).toBe(0);
    expect(fill(quota, undefined)).toBe(10);
  });

  it("names the limit and the share", () => {
    const quota = new Quota(bound);
    fill(quota, "user:a");
    expect(() => quota.assertRoom("user:a")).toThrow(/160 things .*maxThings.* 8 of them \(maxUserPercent\)/);
    fill(quota, "");
    expect(() => quota.assertRoom("user:b")).toThrow(/limit of 160 things.*maxThings/);
  });

  it("frees room, and keeps no record of owners without use", () => {
    const quota = new Quota(bound);
    for (let n = 0; n < 1000; n++) {
      quota.add(`user:${n}`);
      quota.add(`user:${n}`, -1);
    }
    expect([quota.all, quota.of("user:1")]).toEqual([0, 0]);
    expect(fill(quota, "user:a")).toBe(80);
  });
});

describe("windowed quota", () => {
  it("drops older use part by part", () => {
    const quota = new WindowQuota(bound, 1000);
    for (let n = 0; n < 80; n++) quota.take("user:a", n * 10);
    expect(() => quota.take("user:a", 999)).toThrow();
    quota.take("user:a", 1300);
    expect(quota.all).toBeLessThan(80);
    for (let n = 0; n < 80; n++) quota.take("user:b", 5000);
    expect(quota.all).toBe(80);
  });
});

describe("presence entries", () => {
  it("are bounded per user and in total; renewing and leaving do not count", async () => {
    const clock = new FakeClock();
    const presence = new LocalPresence({ clock, isSubscribed: () => true, maxEntries: 160, userPercent: 5 });
    await presence.open({ onJoin() {}, onLeave() {} });
    const add = (name: string, owner?: string) => presence.add(`in-${name}`, client(name), 1000, owner);
    for (let n = 0; n < 80; n++) await add(`a${n}`, "user:a");
    await expect(add("a80", "user:a")).rejects.toThrow(/maxUserPercent/);
    await add("a0", "user:a");
    await add("b", "user:b");
    await presence.remove("in-a1", "a1");
    await presence.remove("in-a2", "a2");
    await add("a80", "user:a");
    clock.advance(20_000);
    for (let n = 0; n < 80; n++) await add(`c${n}`, "user:c");
  });
});

describe("channels in use", () => {
  it("are charged to the first user, and the server's always have room", async () => {
    const { channels } = await createTestNode({ maxOpenChannels: 160 });
    const open = (name: string, owner?: string) => channels.acquire(name, owner);
    const held = [];
    for (let n = 0; n < 80; n++) held.push(await open(`a${n}`, "user:a"));
    await expect(open("a80", "user:a")).rejects.toMatchObject(full);
    channels.release(await open("a1", "user:b"));
    for (let n = 0; n < 3; n++) await open(`b${n}`, "user:b");
    await expect(open("b3", "user:b")).rejects.toMatchObject(full);
    for (let n = 0; n < 77; n++) await open(`server-${n}`);
    await expect(open("one-more")).rejects.toMatchObject(full);
    for (const channel of held) channels.release(channel);
    await open("a80", "user:a");
  });
});

describe("owner of a client's usage", () => {
  it("is its user, its address, or the server", () => {
    expect(ownerOf("ann", "10.0.0.1")).toBe("user:ann");
    expect(ownerOf("", "10.0.0.1")).toBe("address:10.0.0.1");
    expect(ownerOf("", "")).toBe("");
  });
});
