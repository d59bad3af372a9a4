import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../src/errors.js";
import { refusalOfThrown, toHttpRefusal, tooMany } from "../../../src/http/channels/error-status.js";
import { expectedFailure } from "../../../src/sessions/commands.js";
import { errorTable, replyError } from "../../../src/wire/codes.js";
import { httpStatusOf } from "../../../src/wire/http-status.js";

describe("statuses of errors", () => {
  it("are there for every error of the protocol", () => {
    const statuses = Object.values(errorTable).map(({ code }) => httpStatusOf(code));
    expect(statuses.every((status) => status >= 400 && status < 600)).toBe(true);
    expect(statuses).not.toContain(undefined);
  });

  it("are an application's own where these say what is wrong with a request", () => {
    expect([400, 404, 409, 429].map(httpStatusOf)).toEqual([400, 404, 409, 429]);
    expect([401, 407, 408, 500, 1999, 4510].map(httpStatusOf)).toEqual([403, 403, 403, 403, 403, 403]);
  });

  it("say with 401 how to do better, and with 429 when to come back", () => {
    expect(toHttpRefusal(replyError("tokenExpired"))).toMatchObject({
      status: 401,
      headers: { "WWW-Authenticate": "Bearer" },
    });
    expect(tooMany("slow down", 1).headers).toEqual({ "Retry-After": "1" });
    expect(tooMany("slow down", 2001).headers).toEqual({ "Retry-After": "3" });
  });

  it("are those of the package's own errors where these were foreseen, and none for others", () => {
    const status = (error: unknown) => refusalOfThrown(error, expectedFailure)?.status;
    expect(status(new HoldfastError("HF_BROKER_FULL"))).toBe(507);
    expect(status(new HoldfastError("HF_STORE_FAILED"))).toBe(503);
    expect(status(new HoldfastError("HF_BROKER_CLOSED"))).toBeUndefined();
    expect(status(new Error("x"))).toBeUndefined();
  });
});
