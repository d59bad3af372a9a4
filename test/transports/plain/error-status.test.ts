/** HTTP statuses of codes. */
import { describe, expect, it } from "vitest";
import { errorCodeFor, statusOf } from "../../../src/transports/plain/error-status.js";
import { disconnectTable, errorTable } from "../../../src/wire/codes.js";

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
    expect([400, 403, 405, 406, 429, 503].map(errorCodeFor)).toEqual([107, 103, 107, 107, 111, 111]);
  });
});
