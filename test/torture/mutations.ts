/**
 * Ways to break the server on purpose, to see that a run finds them: each changes one place in the built code as it is
 * loaded, in the server under torture alone.
 */

export interface Mutation {
  readonly name: string;
  readonly describes: string;
  /** In dist/. */
  readonly file: string;
  /** Must be there, once. */
  readonly find: string;
  readonly replace: string;
}

/** Where a batch for a reader takes up a publication. */
const pushOfBatch = `size += message.length;
            messages.push(message);`;

/** Once in so many times; each process counts by itself. */
const everyNth = (n: number) => `(globalThis.tortured = (globalThis.tortured ?? 0) + 1) % ${n} === 0`;

export const mutations: readonly Mutation[] = [
  {
    name: "drop",
    describes: "one publication in a hundred is dropped before delivery",
    file: "channels/batches.js",
    find: pushOfBatch,
    replace: `size += message.length; if (!(${everyNth(100)})) messages.push(message);`,
  },
  {
    name: "twice",
    describes: "one publication in a hundred is delivered twice",
    file: "channels/batches.js",
    find: pushOfBatch,
    replace: `${pushOfBatch} if (${everyNth(100)}) messages.push(message);`,
  },
  {
    name: "early",
    describes: "publications are acknowledged 10 ms before they are written",
    file: "brokers/lmdb/group-commit.js",
    find: "await (isSpared ? reserve : journal).append(encodeRuns(toRuns(runs)));",
    replace: `const late = encodeRuns(toRuns(runs));
      const wait = new Promise((resolve) => setTimeout(resolve, 10));
      globalThis.tortured = Promise.all([globalThis.tortured, wait]).then(() => journal.append(late));`,
  },
  {
    name: "unflushed",
    describes: "every other flush of the journal is left out",
    file: "brokers/lmdb/journal.js",
    find: "await flushFile(file);",
    replace: `if (!(${everyNth(2)})) await flushFile(file);`,
  },
  {
    name: "reuse",
    describes: "after a loss a log goes on in the same epoch, and uses offsets again",
    file: "brokers/lmdb/store-marker.js",
    find: "if (run <= repairedRun)",
    replace: "return false; if (run <= repairedRun)",
  },
  {
    name: "forget",
    describes: "idempotency keys are forgotten with a restart",
    file: "brokers/lmdb/idempotency-keys.js",
    find: "const known = this.#index.key(candidate, channel, name);",
    replace: `const began = (globalThis.tortured ??= now);
      const known = [this.#index.key(candidate, channel, name)].find((known) => known?.time >= began);`,
  },
  {
    name: "gapless",
    describes: "a node takes what it gets for the next publication, whatever its offset",
    file: "channels/channel.js",
    find: `if (offset > this.#head + 1)
            return "gap";`,
    replace: "",
  },
  {
    name: "unchecked",
    describes: "nodes do not compare the heads of their channels with those of the logs",
    file: "channels/position-checks.js",
    find: "checkNow() {",
    replace: "checkNow() { return Promise.resolve();",
  },
  {
    name: "floorless",
    describes: "nodes do not tell the store how far they have come",
    file: "channels/floors.js",
    find: "if (broker.log.canGoBack !== true)",
    replace: `Object.defineProperty(broker.log, "canGoBack", { value: undefined });
    if (broker.log.canGoBack !== true)`,
  },
  {
    name: "resend",
    describes: "publications without a key are sent again to the next owner of a shared store",
    file: "brokers/shared/pending-calls.js",
    find: 'if (isSent && call.method === "publish" && call.options.idempotencyKey === undefined)',
    replace: "if (false)",
  },
];

export function findMutation(name: string): Mutation | undefined {
  return mutations.find((mutation) => mutation.name === name);
}
