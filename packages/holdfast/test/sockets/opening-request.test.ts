import type { IncomingMessage } from "node:http";
import { describe, expect, it } from "vitest";
import { pathOf, toOriginForm } from "../../src/sockets/opening-request.js";

function read(url: string) {
  const request = {
    url,
    headers: { host: "other" },
    rawHeaders: ["X-Host", "kept", "Host", "other"],
  } as unknown as IncomingMessage;
  toOriginForm(request);
  return { url: request.url, host: request.headers.host, raw: request.rawHeaders };
}

describe("a request target in absolute form (RFC 9112 §3.2.2)", () => {
  it.each([
    ["http://a.example/path?q=1", "/path?q=1", "a.example"],
    ["HTTPS://a.example:8443/", "/", "a.example:8443"],
    ["http://a.example", "/", "a.example"],
    ["http://a.example?q=1", "/?q=1", "a.example"],
    ["http://[::1]:80/x", "/x", "[::1]:80"],
    ["http://user:secret@a.example/x", "/x", "a.example"],
    ["http://a.example//evil/x", "//evil/x", "a.example"],
  ])("%s is read as its path, and its authority as the host", (target, url, host) => {
    expect(read(target)).toEqual({ url, host, raw: ["X-Host", "kept", "Host", host] });
    expect(pathOf(target)).toBe(pathOf(url));
  });

  it.each([
    "/path?q=http://a.example/",
    "*",
    "http://",
    "http:///x",
    "ftp://a.example/x",
    "//a.example/x",
    "?q",
  ])("%s is left as it is", (target) => expect(read(target)).toMatchObject({ url: target, host: "other" }));
});

describe("the path of a target", () => {
  it.each([
    ["/a/b?c", "/a/b"],
    ["/", "/"],
    ["/a?b?c", "/a"],
    ["http://a.example/a?b", "/a"],
    ["http://a.example", "/"],
  ])("of %s is %s", (target, path) => expect(pathOf(target)).toBe(path));
});
