/** What the protocol says of the answers to frames, found out without the server's own code. */
import { disconnectTable } from "../../../src/wire/codes.js";

const methods = [
  ...["connect", "ping", "subscribe", "unsubscribe", "publish", "presence", "presence_stats"],
  ...["history", "rpc", "send", "refresh", "sub_refresh"],
];

interface Answer {
  readonly id?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
  readonly push?: unknown;
}

export interface Ending {
  readonly code: number;
  readonly reason: string;
}

interface Expected {
  /** Of the commands with one id; which of them an error is of, nobody can tell. */
  readonly methods: readonly string[];
  readonly count: number;
}

/** Whether a connect command names channels whose hooks fail, take too long or are not clear: that ends the connection. */
export function hasFailingConnect(frames: readonly string[]): boolean {
  return frames.some((frame) => /"connect":[^\n]*:(?:broken|hangs|strange|refused)"/.test(frame));
}

/** How many answers each id gets, and which methods they may name. */
export function expectedAnswers(frames: readonly string[]): Map<number, Expected> {
  const expected = new Map<number, Expected>();
  for (const frame of frames) {
    for (const line of frame.split("\n")) {
      const command = parse(line);
      if (typeof command !== "object" || command === null || Array.isArray(command)) continue;
      const fields = command as Record<string, unknown>;
      const method = methods.find((name) => fields[name] !== undefined && fields[name] !== null);
      const { id } = fields;
      if (method === undefined || method === "send" || typeof id !== "number") continue;
      if (!Number.isInteger(id) || id < 1 || id > 0xffff_ffff) continue;
      const { methods: others, count } = expected.get(id) ?? { methods: [], count: 0 };
      expected.set(id, { methods: [...others, method], count: count + 1 });
    }
  }
  return expected;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** @returns what is wrong with a client's answers; nothing where all is well */
export function findFaults(
  frames: readonly string[],
  received: readonly string[],
  ending: Ending | undefined,
): string[] {
  const faults: string[] = [];
  const missing = expectedAnswers(frames);
  for (const line of received.flatMap((frame) => frame.split("\n"))) {
    const answer = parse(line) as Answer | undefined;
    if (typeof answer !== "object" || answer === null) faults.push(`no JSON object: ${line}`);
    else if (answer.id !== undefined) faults.push(...takeAnswer(missing, answer, line));
    else if (answer.push === undefined && line !== "{}")
      faults.push(`neither answer, push nor ping: ${line}`);
  }
  if (ending !== undefined) faults.push(...faultsOf(ending));
  else
    for (const [id, { methods: names, count }] of missing)
      if (count > 0) faults.push(`${count} answers less than expected to ${id} ${names.join()}`);
  return faults;
}

/** Takes the answer off those that are to come. */
function takeAnswer(missing: Map<number, Expected>, answer: Answer, line: string): string[] {
  const id = answer.id as number;
  const expected = missing.get(id);
  if (expected === undefined || expected.count === 0) return [`an answer that nobody waits for: ${line}`];
  const { methods: names, count } = expected;
  missing.set(id, { methods: names, count: count - 1 });
  if (answer.error ? typeof answer.error.code === "number" : names.some((name) => name in answer)) return [];
  return [`the answer to ${names.join()} is ${line}`];
}

const known: ReadonlySet<number> = new Set(Object.values(disconnectTable).map(({ code }) => code));

function faultsOf({ code, reason }: Ending): string[] {
  const isOwn = code >= 4500 && code <= 4999;
  if (!known.has(code) && !isOwn) return [`ended with ${code} ${reason}, which is no code of the protocol`];
  if (code === disconnectTable.internalError.code) return [`ended with ${code} ${reason}`];
  return reason === "" ? [`ended with ${code} and no reason`] : [];
}
