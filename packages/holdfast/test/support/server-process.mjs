// A server in a process of its own, from the built package, that tells its parent what it holds.
import { createServer, MemoryBroker } from "../../dist/index.js";

const clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimer: (callback, ms) => clearTimeout.bind(null, setTimeout(callback, ms).unref()),
};
let epochs = 0;
const broker = new MemoryBroker({ clock, createEpoch: () => `epoch-${++epochs}` });
const errors = [];
// Raw clients don't come back when they are refused on a busy machine.
const shedAboveLagMs = null;
const server = createServer({
  port: 0,
  pages: null,
  broker,
  shedAboveLagMs,
  // It keeps what happened to connections that are gone, up to its bound.
  maxRecorderBytes: null,
  onError: (error) => errors.push(String(error)),
});
const { port } = await server.listen();

process.on("message", (message) => {
  if (message === "close") {
    process.disconnect();
    void server.close();
    return;
  }
  global.gc?.();
  process.send?.({
    stats: server.stats(),
    broker: broker.sizes,
    heapBytes: process.memoryUsage().heapUsed,
    timers: process.getActiveResourcesInfo().filter((name) => name === "Timeout").length,
    errors,
  });
});
process.send?.({ port });
