import { describe, expect, it } from "vitest";
import { broken, Story } from "./support/story.js";

const channel = "people:0";
const story = () => new Story(channel);
const listOf = (node: number, listed: string[], connected: string[]) => ({
  channel,
  node,
  listed,
  connected,
});

describe("checker: presence", () => {
  it("finds nothing where every node lists who is connected", () => {
    const presence = [listOf(0, ["a", "b"], ["b", "a"]), listOf(1, ["b", "a"], ["b", "a"])];
    expect(broken(story().history(":", { presence }))).toEqual([]);
  });

  it("finds a client that is listed and gone, and one that is connected and not listed", () => {
    expect(broken(story().history(":", { presence: [listOf(0, ["a", "b"], ["a"])] }))).toEqual(["presence"]);
    expect(broken(story().history(":", { presence: [listOf(0, ["a"], ["a", "b"])] }))).toEqual(["presence"]);
  });

  it("finds two joins in a row, and two leaves", () => {
    expect(broken(story().watch("+a", "+b", "-a", "+a", "-a").history(":"))).toEqual([]);
    expect(broken(story().watch("+a", "+b", "+a").history(":"))).toEqual(["turns"]);
    expect(broken(story().watch("-a", "+b", "-a").history(":"))).toEqual(["turns"]);
  });

  it("lets a witness miss what happens between its subscriptions", () => {
    expect(broken(story().watch("+a", "|", "+a").history(":"))).toEqual([]);
  });
});
