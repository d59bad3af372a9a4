/** The entries as the built package offers them: to Node.js, to bundlers for browsers, and how much the latter carry. */
import { spawn } from "node:child_process";
import { join as joinPath } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { startChat } from "./support/chat-app.js";

const root = joinPath(import.meta.dirname, "../../..");

async function runNode(args: readonly string[]) {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [out, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { out, errors, code };
}

describe("@holdfast/client", () => {
  it("brings its own WebSocket to Node.js, and lets the process end once it is closed", async () => {
    const { url } = await startChat();
    const program = `
      delete globalThis.WebSocket;
      const { connect, HoldfastError } = await import("@holdfast/client");
      const client = connect(${JSON.stringify(url)});
      console.log(await client.rpc("add", { a: 20, b: 22 }));
      client.close();
      await client.ready().catch((error) => console.log(error instanceof HoldfastError, error.code));
    `;
    const { out, errors, code } = await runNode(["--input-type=module", "--eval", program]);
    expect(errors).toBe("");
    expect(out).toBe("42\ntrue HF_CLIENT_CLOSED\n");
    expect(code).toBe(0);
  });

  it("is small in a browser, and carries nothing of Node.js", async () => {
    const { out, errors, code } = await runNode(["scripts/client-size.mjs"]);
    process.stdout.write(out);
    expect(errors).toBe("");
    expect(out).toMatch(/^@holdfast\/client: \d+ bytes gzipped/);
    expect(code).toBe(0);
  });
});
