import { describe, expect, it } from "vitest";
import { Moderator } from "../../chat/model/moderator.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "../shared/memory-storage.js";

const bo = { user: "bo", name: "Bo" };

function createModerator({ area = new MemoryStorage(), status = 200 } = {}) {
  const calls: [method: string, params: object][] = [];
  const keys: string[] = [];
  const server = { status, entries: [] as object[], error: undefined as object | undefined };
  const moderator = new Moderator({
    storage: new PageStorage(area, ""),
    call: async (method, params, key) => {
      calls.push([method, params]);
      keys.push(key);
      if (server.status === 0) throw new Error("no network");
      const body = server.error ? { error: server.error } : { result: { entries: server.entries } };
      return { status: server.status, body };
    },
    onChange: () => {},
  });
  return { area, moderator, calls, keys, server };
}

describe("moderator", () => {
  it("keeps a key that the server takes, and no other", async () => {
    const { area, moderator, keys, server } = createModerator({ status: 401 });
    expect(await moderator.start("wrong")).toBe(false);
    expect([moderator.isActive, moderator.problem]).toEqual([false, "That is not a key of this server."]);
    server.status = 200;
    server.error = { code: 103, message: "permission denied" };
    expect(await moderator.start("only for reading")).toBe(false);
    expect([moderator.isActive, moderator.problem]).toEqual([
      false,
      expect.stringContaining("permission denied"),
    ]);
    server.error = undefined;
    expect(await moderator.start(" right ")).toBe(true);
    expect([moderator.isActive, keys.at(-1)]).toEqual([true, "right"]);
    expect(createModerator({ area }).moderator.isActive).toBe(true);
    moderator.stop();
    expect([moderator.isActive, area.values.size]).toEqual([false, 0]);
  });

  it("asks the server for what each thing takes", async () => {
    const { moderator, calls, server } = createModerator();
    server.entries = [{ key: "bo", data: { kind: "ban", name: "Bo" } }];
    await moderator.start("key");
    expect(moderator.sanctions).toEqual([{ user: "bo", name: "Bo", kind: "ban" }]);
    calls.length = 0;
    await moderator.deleteMessage("lobby", { offset: 7, epoch: "e1" });
    await moderator.clearRoom("private:r1");
    await moderator.ban(bo);
    await moderator.lift("bo");
    await moderator.setSlowMode("lobby", 15);
    const read = ["map_read_state", { channel: "sanctions", limit: 100 }];
    expect(calls).toEqual([
      ["publish", { channel: "chat:lobby", data: { event: "deleted", offset: 7, epoch: "e1" } }],
      ["history_remove", { channel: "private:r1" }],
      ["publish", { channel: "private:r1", data: { event: "cleared" } }],
      ["map_publish", { channel: "sanctions", key: "bo", data: { kind: "ban", name: "Bo" } }],
      read,
      ["disconnect", { user: "bo", disconnect: { code: 4503, reason: "a moderator has banned you" } }],
      ["map_remove", { channel: "sanctions", key: "bo" }],
      read,
      ["map_publish", { channel: "room-settings", key: "chat:lobby", data: { slowModeSeconds: 15 } }],
    ]);
  });

  it("does not say that a room is cleared when the server has not done it", async () => {
    const { moderator, calls, server } = createModerator();
    server.status = 0;
    await moderator.clearRoom("lobby");
    expect([calls.map(([method]) => method), moderator.problem]).toEqual([
      ["history_remove"],
      "The server does not answer.",
    ]);
  });
});
