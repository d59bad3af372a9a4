import { describe, expect, it } from "vitest";
import { channelInPath, findRoute } from "../../src/http/router.js";

describe("path of a channel", () => {
  it.each([
    ["/channels/news", "channel", "news"],
    ["/channels/a%2Fb", "channel", "a/b"],
    ["/channels/news/events", "events", "news"],
    ["/channels/a%2Fb/events", "events", "a/b"],
    ["/channels//events", "events", ""],
    ["/channels/%ff", "channel", undefined],
    ["/channels/%", "channel", undefined],
    ["/channels/%/events", "events", undefined],
  ])("%s is of the route %s and names %s", (path, route, name) => {
    expect([findRoute(path), channelInPath(path)]).toEqual([route, name]);
  });

  it.each(["/channels/a/b", "/channels/", "/channels", "/channelsx/news"])("is not %s", (path) => {
    expect(findRoute(path)).toBe("rest");
  });
});
