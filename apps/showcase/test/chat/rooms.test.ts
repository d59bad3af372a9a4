import { describe, expect, it } from "vitest";
import {
  channelOf,
  idOfPrivate,
  privateRoomOf,
  RoomList,
  roomFromHash,
  roomNameProblem,
} from "../../chat/model/rooms.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "../shared/memory-storage.js";

describe("room names", () => {
  it.each(["a", "Team_7-b", "x".repeat(40)])("can be %s", (name) => {
    expect(roomNameProblem(name)).toBeUndefined();
  });

  it.each([
    ["", /enter a name/],
    ["x".repeat(41), /up to 40 characters; this one has 41/],
    ["two words", /but not a space/],
    ["café", /but not “é”/],
    ["a:b", /but not “:”/],
  ])("can't be %j", (name, message) => {
    expect(roomNameProblem(name)).toMatch(message);
  });

  it("come from the address only when they can exist", () => {
    expect(roomFromHash("#tea")).toBe("tea");
    expect(roomFromHash("")).toBeUndefined();
    expect(roomFromHash("#%20")).toBeUndefined();
  });
});

describe("room list", () => {
  it("starts with three rooms and keeps those that are added", () => {
    const storage = new PageStorage(new MemoryStorage(), "");
    const rooms = new RoomList(storage);
    expect(rooms.add("tea")).toBeUndefined();
    expect(rooms.add("tea")).toBeUndefined();
    expect(new RoomList(storage).names).toEqual(["lobby", "random", "tech", "tea"]);
  });

  it("lets go of added rooms only", () => {
    const rooms = new RoomList(new PageStorage(new MemoryStorage(), ""));
    rooms.add("tea");
    rooms.remove("tea");
    rooms.remove("lobby");
    expect(rooms.names).toEqual(["lobby", "random", "tech"]);
  });

  it("has an end", () => {
    const rooms = new RoomList(new PageStorage(new MemoryStorage(), ""));
    for (let count = 0; count < 47; count++) expect(rooms.add(`room-${count}`)).toBeUndefined();
    expect(rooms.add("one-more")).toMatch(/up to 50 rooms/);
  });

  it("passes over what can't be a list of rooms", () => {
    const storage = new PageStorage(new MemoryStorage(), "");
    storage.write("rooms", ["tea", 7, "not a room", null]);
    expect(new RoomList(storage).names).toEqual(["lobby", "random", "tech", "tea"]);
  });
});

describe("private rooms", () => {
  it("are channels of their own, and have addresses", () => {
    expect([channelOf("lobby"), channelOf("private:r-1")]).toEqual(["chat:lobby", "private:r-1"]);
    expect([privateRoomOf("r-1"), idOfPrivate("private:r-1")]).toEqual(["private:r-1", "r-1"]);
    expect(roomFromHash("#private:r-1")).toBe("private:r-1");
    for (const hash of ["#private:", "#private:a:b", "#private:ä", "#other:x"])
      expect(roomFromHash(hash)).toBeUndefined();
  });

  it("are on no list of this window", () => {
    expect(new RoomList(new PageStorage(new MemoryStorage(), "")).add("private:r-1")).toMatch(/but not /);
  });
});
