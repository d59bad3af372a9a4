// Loaded before a sample that is run: what listens on a port that the guides name listens on one that is free, and what is
// for a page finds a WebSocket, which Node.js 20 has none of.
import { Server } from "node:net";
import { WebSocket } from "ws";

globalThis.WebSocket ??= WebSocket;

const ports = new Map(Object.entries(JSON.parse(process.env.SAMPLE_PORTS ?? "{}")));
const { listen } = Server.prototype;

/** @param {unknown} given */
const free = (given) => ports.get(String(given)) ?? given;

Server.prototype.listen = function (...given) {
  const [first, ...rest] = given;
  const hasPort = typeof first === "object" && first !== null && "port" in first;
  const mapped = hasPort ? { ...first, port: free(first.port) } : free(first);
  return listen.call(this, mapped, ...rest);
};
