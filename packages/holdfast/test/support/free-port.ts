/** Ports for servers that go away and come back at the same place. */
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * A free port below those that systems give to outgoing connections, so that none of these takes it while the server
 * is away and comes back.
 */
export async function findFreePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
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
