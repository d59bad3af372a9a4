/**
 * Free ports for servers that have to be told one. They lie below those that outgoing connections are given, or else a
 * client that tries a port on which nobody listens could be given that very port, and reach itself.
 */
import { createServer } from "node:net";

const first = 20_000;
const last = 32_000;

export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  let candidate = first + (process.pid % 4000);
  while (ports.length < count) {
    if (candidate > last) throw new Error(`there are no ${count} free ports from ${first} to ${last}`);
    if (await isFree(candidate)) ports.push(candidate);
    candidate++;
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
