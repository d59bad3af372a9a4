import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { insecureAuth } from "../../src/sessions/identity.js";

const request = { headers: {}, url: "/connection/websocket", address: "127.0.0.1" };

function believe(data?: unknown, token?: string) {
  return insecureAuth({
    request,
    ...(data !== undefined && { data: JSON.stringify(data) }),
    ...(token !== undefined && { token }),
  });
}

describe("insecure authentication", () => {
  it("uses user and info from the data", () => {
    expect(believe({ user: "ann", info: { name: "Ann" } })).toEqual({
      isAccepted: true,
      identity: { user: "ann", info: '{"name":"Ann"}' },
    });
    expect(believe({ user: "ann" })).toEqual({ isAccepted: true, identity: { user: "ann" } });
    expect(believe({ info: null })).toEqual({ isAccepted: true, identity: { user: "", info: "null" } });
  });

  it.each([undefined, null, 5, "ann", ["ann"], {}, { name: "ann" }])("takes %j for anonymous", (data) => {
    expect(believe(data)).toEqual({ isAccepted: true, identity: { user: "" } });
  });

  it("refuses a token, which it cannot verify", () => {
    expect(believe({ user: "ann" }, "t")).toEqual({
      isAccepted: false,
      disconnect: "invalidToken",
      reason: "this server has no key to verify tokens",
    });
  });

  it.each([5, null, {}, "x".repeat(256)])("refuses the user %j", (user) => {
    expect(believe({ user })).toMatchObject({ isAccepted: false, disconnect: "badRequest" });
  });

  it("limits the size of info", () => {
    expect(believe({ info: "x".repeat(4094) })).toMatchObject({ isAccepted: true });
    expect(believe({ info: "x".repeat(4095) })).toMatchObject({
      isAccepted: false,
      disconnect: "badRequest",
    });
  });

  it("handles any JSON without throwing", () => {
    fc.assert(
      fc.property(fc.json(), (data) => {
        expect(insecureAuth({ data, request })).toHaveProperty("isAccepted");
      }),
    );
  });
});
