import { describe, expect, it } from "vitest";
import {
  disconnect,
  disconnectTable,
  errorTable,
  replyError,
  unsubscribeTable,
} from "../../src/wire/codes.js";

describe("error codes", () => {
  it("are the protocol's, with its texts", () => {
    const table = Object.values(errorTable).map(({ code, message }) => `${code} ${message}`);
    expect(table).toEqual([
      "100 internal server error",
      "101 unauthorized",
      "102 unknown channel",
      "103 permission denied",
      "104 method not found",
      "105 already subscribed",
      "106 limit exceeded",
      "107 bad request",
      "108 not available",
      "109 token expired",
      "110 expired",
      "111 too many requests",
      "112 unrecoverable position",
      "113 concurrent pagination",
    ]);
  });

  it("are temporary for 100, 111 and 113 only", () => {
    const temporary = Object.values(errorTable).filter(({ isTemporary }) => isTemporary);
    expect(temporary.map(({ code }) => code)).toEqual([100, 111, 113]);
  });

  it("keep their text before a detail", () => {
    expect(replyError("limitExceeded", "128 channels")).toEqual({
      code: 106,
      message: "limit exceeded: 128 channels",
      isTemporary: false,
    });
    expect(replyError("limitExceeded").message).toBe("limit exceeded");
  });
});

describe("disconnect codes", () => {
  it("are the protocol's, with its texts", () => {
    const table = Object.values(disconnectTable).map(({ code, reason }) => `${code} ${reason}`);
    expect(table).toEqual([
      "3001 shutdown",
      "3004 internal server error",
      "3005 connection expired",
      "3006 subscription expired",
      "3008 slow",
      "3010 insufficient state",
      "3011 force reconnect",
      "3012 no pong",
      "3013 too many requests",
      "3500 invalid token",
      "3501 bad request",
      "3502 stale",
      "3503 force disconnect",
      "3504 connection limit",
      "3505 channel limit",
      "3506 inappropriate protocol",
      "3507 permission denied",
      "3508 not available",
    ]);
  });

  it("keep their text before a detail", () => {
    expect(disconnect("stale", "10 s")).toEqual({ code: 3502, reason: "stale: 10 s" });
  });
});

describe("unsubscribe codes", () => {
  it("end a subscription below 2500 and make SDKs subscribe again from there on", () => {
    expect(unsubscribeTable).toEqual({
      server: { code: 2000, reason: "server unsubscribe" },
      insufficientState: { code: 2500, reason: "insufficient state" },
      expired: { code: 2501, reason: "subscription expired" },
      revoked: { code: 2502, reason: "token revoked" },
    });
  });
});
