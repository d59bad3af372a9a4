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

/** Once in so many publications; each process counts by itself. */
const everyNth = (n: number) => `(globalThis.tortured = (globalThis.tortured ?? 0) + 1) % ${n} === 0`;

export const mutations: readonly Mutation[] = [
  {
    name: "drop",
    describes: "one publication is dropped before delivery",
    file: "channels/batches.js",
    find: "messages.push(message);",
    replace: `if (!(${everyNth(500)})) messages.push(message);`,
  },
  {
    name: "twice",
    describes: "one publication is delivered twice",
    file: "channels/batches.js",
    find: "messages.push(message);",
    replace: `messages.push(message); if (${everyNth(500)}) messages.push(message);`,
  },
];

export function findMutation(name: string): Mutation | undefined {
  return mutations.find((mutation) => mutation.name === name);
}
