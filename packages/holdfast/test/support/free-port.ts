/** Ports for servers that go away and come back at the same place. */
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A file for each port that a process of these tests counts on, with the id of the process. */
const claims = join(tmpdir(), "holdfast-test-ports");

/**
 * A free port below those that systems give to outgoing connections, so that none of these takes it while the server
 * is away and comes back. No other test gets it as long as this process runs.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (!claim(port)) continue;
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** @returns whether no other process counts on it */
function claim(port: number): boolean {
  mkdirSync(claims, { recursive: true });
  const file = join(claims, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: "wx" });
    return true;
  } catch {
    if (isClaimed(file)) return false;
    writeFileSync(file, String(process.pid));
    return true;
  }
}

function isClaimed(file: string): boolean {
  try {
    // Throws if there is no such process.
    return process.kill(Number(readFileSync(file, "utf8")), 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
