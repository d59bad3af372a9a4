// A broker in a process of its own, from the built package, that does what its parent says until it is killed.
import { randomUUID } from "node:crypto";
import { LmdbBroker } from "../../../../dist/index.js";

const clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  setTimer: (callback, ms) => clearTimeout.bind(null, setTimeout(callback, ms).unref()),
};

let broker;
const errors = [];
const calls = {
  errors: async () => errors,
  close: () => broker.close(),
  open: (options) => {
    broker = new LmdbBroker({
      clock,
      createEpoch: () => randomUUID().slice(0, 8),
      schedule: setImmediate,
      onError: (error) => errors.push({ code: error.code, message: String(error) }),
      ...options,
    });
    return broker.open({
      log: { onPublication() {}, onReconnect() {} },
      presence: { onJoin() {}, onLeave() {} },
      cluster: { onCommand: async () => ({}), onHistoryRemoved() {} },
    });
  },
};

process.on("disconnect", () => process.exit());
process.on("message", ({ id, method, args }) => {
  const call = calls[method] ?? ((...values) => broker.log[method](...values));
  call(...args).then(
    (result) => process.send?.({ id, result }),
    ({ code, message, details }) => process.send?.({ id, error: { code, message, details } }),
  );
});
process.send?.({ id: 0 });
