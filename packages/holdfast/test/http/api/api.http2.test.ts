import { connect } from "node:http2";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { startServer } from "../../support/server.js";

const key = "0123456789abcdef";

async function createApi() {
  const { port, errors } = await startServer({ apiKeys: [key] });
  const session = connect(`http://127.0.0.1:${port}`);
  onTestFinished(() => session.destroy());
  const publish = (data: unknown) =>
    new Promise<{ status: number; body: unknown }>((resolve, reject) => {
      const stream = session.request({ ":method": "POST", ":path": "/api/publish", "x-api-key": key });
      let [status, body] = [0, ""];
      stream.on("response", (headers) => {
        status = Number(headers[":status"]);
      });
      stream.on("data", (chunk) => {
        body += chunk;
      });
      stream.on("end", () => resolve({ status, body: JSON.parse(body) }));
      stream.on("error", reject);
      stream.end(JSON.stringify({ channel: "news", data }));
    });
  return { publish, errors };
}

describe("POST /api/publish over HTTP/2", () => {
  it("answers 413 to a body that is too large, without a warning, and keeps the connection", async () => {
    const warnings = vi.spyOn(process, "emitWarning");
    onTestFinished(() => void warnings.mockRestore());
    const { publish, errors } = await createApi();
    for (const size of [70_000, 2_000_000]) {
      const { status, body } = await publish("x".repeat(size));
      expect(status).toBe(413);
      expect(body).toEqual({ error: { code: 107, message: expect.stringContaining("bytes") } });
    }
    expect(await publish("x")).toMatchObject({ status: 200, body: { result: { offset: 1 } } });
    expect(warnings).not.toHaveBeenCalled();
    expect(errors).toEqual([]);
  });
});
