import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import {
  errorCodeFor,
  refusalOfThrown,
  statusOf,
  toHttpRefusal,
  tooMany,
} from "../../src/requests/refusals.js";
import { expectedFailure } from "../../src/sessions/commands.js";
import { disconnectTable, errorTable, httpStatusOf, replyError } from "../../src/wire/codes.js";

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
    expect(status(new HoldfastError("HF_BROKER_CLOSED"))).toBe(503);
    expect(status(new HoldfastError("HF_SERVER_STATE"))).toBeUndefined();
    expect(status(new Error("x"))).toBeUndefined();
  });
});

describe("statuses of codes", () => {
  it("say whose fault it is", () => {
    const { badRequest, internal, notAvailable, permissionDenied, tokenExpired, unknownChannel } = errorTable;
    const codes = [badRequest, notAvailable, tokenExpired, permissionDenied, unknownChannel, internal];
    expect(codes.map(({ code }) => statusOf(code))).toEqual([400, 400, 401, 403, 404, 500]);
    const { shutdown, slow, connectionLimit, invalidToken } = disconnectTable;
    expect([shutdown, slow, connectionLimit, invalidToken].map(({ code }) => statusOf(code))).toEqual([
      503, 503, 429, 401,
    ]);
  });

  it("are the application's own, or forbid, where it refuses with a code of its own", () => {
    expect([404, 450, 401, 1999, 2000, 3999, 4000, 4999].map(statusOf)).toEqual([
      404, 450, 403, 403, 400, 400, 403, 403,
    ]);
  });

  it("are there for every code", () => {
    for (const { code } of [...Object.values(errorTable), ...Object.values(disconnectTable)])
      expect(statusOf(code)).toBeGreaterThanOrEqual(400);
  });

  it("have an error each where there is no code", () => {
    expect([400, 401, 403, 405, 406, 429, 500, 503].map(errorCodeFor)).toEqual([
      107, 101, 103, 107, 107, 111, 100, 111,
    ]);
  });
});
