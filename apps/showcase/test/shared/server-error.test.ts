import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../../../packages/holdfast/src/errors.js";
import { readServerError } from "../../shared/line/server-error.js";

describe("an error of the server", () => {
  it("has its own words and code, and says whether to try again", () => {
    const refused = (isTemporary: boolean) =>
      new HoldfastError("HF_REQUEST_REFUSED", "beginRound was refused: too soon (code 429)", {
        cause: { code: 429, message: "too soon" },
        details: { code: 429, isTemporary },
      });
    expect(readServerError(refused(false))).toEqual({ code: 429, message: "too soon", isFinal: true });
    expect(readServerError(refused(true)).isFinal).toBe(false);
    expect(readServerError(new HoldfastError("HF_CLIENT_TIMEOUT", "no answer in time"))).toEqual({
      ...{ code: 0, message: "no answer in time", isFinal: false },
    });
    expect(readServerError(undefined)).toEqual({ code: 0, message: "no answer", isFinal: false });
  });
});
