import { describe, expect, it } from "vitest";
import { toWebSocketUrl } from "../src/connect.js";

const page = "https://example.org:8443/rooms/?as=ann#lobby";

describe("address of a server", () => {
  it.each([
    ["http://localhost:8000", undefined, "ws://localhost:8000/connection/websocket"],
    ["https://example.org/", undefined, "wss://example.org/connection/websocket"],
    ["localhost:8000", undefined, "ws://localhost:8000/connection/websocket"],
    ["wss://example.org/live?a=1", undefined, "wss://example.org/live?a=1"],
    [new URL("http://[::1]:80"), undefined, "ws://[::1]/connection/websocket"],
    [undefined, page, "wss://example.org:8443/connection/websocket"],
    ["/", page, "wss://example.org:8443/connection/websocket"],
    ["/live", page, "wss://example.org:8443/live"],
    ["http://other.example", page, "ws://other.example/connection/websocket"],
  ])("%s in %s is %s", (server, where, expected) => {
    expect(toWebSocketUrl(server, where)).toBe(expected);
  });

  it.each([
    [undefined, undefined, "url is required outside of a page, such as http://localhost:8000"],
    ["/live", undefined, "url must be the address of a server, such as http://localhost:8000"],
    ["ftp://example.org", undefined, 'it is "ftp://example.org"'],
    ["http://", undefined, 'it is "http://"'],
    [undefined, "file:///tmp/index.html", "url must be the address of a server"],
  ])("%s in %s is refused", (server, where, message) => {
    expect(() => toWebSocketUrl(server, where)).toThrow(
      expect.objectContaining({ code: "HF_OPTION_INVALID", message: expect.stringContaining(message) }),
    );
  });
});
