import { describe, expect, it } from "vitest";
import { createServer, HoldfastError } from "../../src/index.js";

describe("server", () => {
  it("names no address before it listens, and listens once", async () => {
    const server = createServer({ port: 0, pages: null });
    expect(() => server.address).toThrow(HoldfastError);
    await server.listen();
    await expect(server.listen()).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
    await server.close();
  });

  it("may be closed twice, and does not listen after that", async () => {
    const server = createServer({ port: 0, pages: null });
    await server.listen();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await expect(server.listen()).rejects.toThrow(/is closed/);
  });

  it("several in one process share nothing", async () => {
    const [one, other] = [createServer({ port: 0, pages: null }), createServer({ port: 0, pages: null })];
    await Promise.all([one.listen(), other.listen()]);
    expect(one.address.port).not.toBe(other.address.port);
    await Promise.all([one.close(), other.close()]);
  });
});
