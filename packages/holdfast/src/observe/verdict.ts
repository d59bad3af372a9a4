/** Makes one sentence, with its evidence, of what all nodes have recorded about a user, a channel and a publication. */
import type { WhyQuery } from "../channels/cluster.js";
import type { ConnectionFacts, PublishEvent, Recollection, Timed } from "../sessions/recorder.js";
import {
  closeText,
  compareFindings,
  describeEvent,
  type Finding,
  isDelivered,
  type JudgedChannel,
  judgeConnection,
  timeText,
} from "./judge-connection.js";
import type { WhyAnswer, WhyCause, WhyEvidence } from "./why-causes.js";

/** What the log says of the publication in question. */
export type Sought =
  | { readonly kind: "kept" | "gone"; readonly publication: NonNullable<WhyQuery["publication"]> }
  /** Nothing has that offset yet. */
  | { readonly kind: "ahead"; readonly offset: number; readonly head: number }
  | { readonly kind: "empty" }
  | { readonly kind: "no channel" }
  /** Named by an idempotency key under which nothing was published. */
  | { readonly kind: "unpublished"; readonly idempotencyKey: string };

export interface Question {
  readonly channel: string;
  readonly user: string;
  readonly client?: string;
  readonly idempotencyKey?: string;
  readonly sought: Sought;
  /** Kind of the channel. @default "stream" */
  readonly kind?: string;
}

export interface NodeFacts extends Recollection {
  /** For people. */
  readonly node: string;
}

interface Judged {
  readonly facts: ConnectionFacts;
  readonly node: string;
  readonly finding: Finding;
}

interface Conclusion {
  readonly cause: WhyCause;
  readonly sentence: string;
}

const maxEvidence = 40;

/** @param silent names of nodes that have not answered */
export function judge(question: Question, nodes: readonly NodeFacts[], silent: readonly string[]): WhyAnswer {
  const { sought } = question;
  const publication = "publication" in sought ? sought.publication : undefined;
  const judged = publication ? judgeAll(question, publication, nodes) : [];
  const { cause, sentence } = conclude(question, nodes, judged, silent);
  const missing =
    silent.length > 0 && !isDelivered({ cause, text: "" })
      ? ` Not asked: ${silent.join(", ")}, which did not answer.`
      : "";
  return {
    cause,
    sentence: `${sentence}.${missing}`,
    ...(publication && {
      publication: {
        epoch: publication.epoch,
        offset: publication.offset,
        ...(publication.time !== undefined && { time: publication.time }),
      },
    }),
    evidence: evidenceOf(question, nodes, judged),
    silent,
  };
}

function judgeAll(
  { kind }: Question,
  publication: NonNullable<WhyQuery["publication"]>,
  nodes: readonly NodeFacts[],
): Judged[] {
  const judged: Judged[] = [];
  for (const { node, connections, recordedSince, channel } of nodes) {
    const removals = channel.flatMap((event) => (event.kind === "history removed" ? [event.at] : []));
    const ofChannel: JudgedChannel = {
      kind,
      recordedSince: recordedSince ?? Number.POSITIVE_INFINITY,
      removals,
    };
    for (const facts of connections) {
      const finding = judgeConnection(facts, publication, ofChannel);
      if (finding) judged.push({ facts, node, finding });
    }
  }
  return judged.sort((a, b) => compareFindings(a.finding, b.finding) || b.facts.openedAt - a.facts.openedAt);
}

function conclude(
  question: Question,
  nodes: readonly NodeFacts[],
  judged: readonly Judged[],
  silent: readonly string[],
): Conclusion {
  const { sought, channel } = question;
  if (sought.kind === "no channel")
    return {
      cause: "unknown_channel",
      sentence: `There is no channel ${channel}: no pattern of the application matches it`,
    };
  if (sought.kind === "empty")
    return { cause: "nothing_published", sentence: `Nothing is published in ${channel}` };
  if (sought.kind === "ahead")
    return {
      cause: "not_published",
      sentence: `Publication ${sought.offset} of ${channel} is not published yet: the last one is ${sought.head}`,
    };
  if (sought.kind === "unpublished") return concludeUnpublished(question, sought.idempotencyKey, nodes);
  const found = concludeFound(question, sought, nodes, judged, silent);
  return withDuplicate(question, nodes, found);
}

function concludeUnpublished(
  { channel }: Question,
  idempotencyKey: string,
  nodes: readonly NodeFacts[],
): Conclusion {
  const [last] = publishesOf(nodes, idempotencyKey).reverse();
  const what = `The publish to ${channel} with key ${idempotencyKey}`;
  if (last === undefined)
    return {
      cause: "publish_unknown",
      sentence: `No publish to ${channel} with key ${idempotencyKey} is recorded${sinceText(nodes)}`,
    };
  const when = timeText(last.at);
  const why = last.reason ?? "no reason is known";
  if (last.kind === "unacknowledged")
    return {
      cause: "publish_unacknowledged",
      sentence: `${what} was never acknowledged by the store (${when}: ${why})`,
    };
  if (last.kind === "suppressed")
    return { cause: "publish_suppressed", sentence: `${what} had no effect at ${when}: ${why}` };
  return { cause: "publish_refused", sentence: `${what} was refused at ${when}: ${why} (code ${last.code})` };
}

function concludeFound(
  question: Question,
  sought: Extract<Sought, { publication: unknown }>,
  nodes: readonly NodeFacts[],
  judged: readonly Judged[],
  silent: readonly string[],
): Conclusion {
  const { channel, user, client } = question;
  const { publication } = sought;
  const who = user === "" ? `the anonymous client ${client ?? ""}`.trim() : user;
  const what = `publication ${publication.offset} of ${channel}`;
  const published = publication.time === undefined ? "" : `, published at ${timeText(publication.time)}`;
  const [best] = judged;
  const certain = best && best.finding.cause !== "not_connected" && best.finding.cause !== "not_recorded";
  if (best && certain) return concludeJudged(who, what, published, judged, best);
  if (nodes.length > 0 && nodes.every(({ recordedSince }) => recordedSince === null))
    return {
      cause: "recorder_off",
      sentence: `Nothing is recorded: the flight recorder is off (maxRecorderBytes)`,
    };
  if (publication.time === undefined) return concludeGone(what, nodes);
  const { time } = publication;
  const since = Math.max(...nodes.map(({ recordedSince }) => recordedSince ?? Number.POSITIVE_INFINITY));
  if (best?.finding.cause === "not_recorded" || (best === undefined && time < since))
    return {
      cause: "not_recorded",
      sentence: `Not recorded: ${what} was published at ${timeText(time)}, and the records begin at ${timeText(since)}`,
    };
  const refusal = nodes
    .flatMap(({ refusals }) => refusals)
    .sort((a, b) => Math.abs(a.at - time) - Math.abs(b.at - time))[0];
  if (refusal)
    return {
      cause: connectRefusals[refusal.code] ?? "connect_refused",
      sentence: `${who} did not get ${what}${published}: it could not connect at ${timeText(refusal.at)}: ${closeText(refusal)}`,
    };
  if (best)
    return {
      cause: "not_connected",
      sentence: `${who} had no open connection at the time of ${what}${published}: it ${best.finding.text}`,
    };
  if (silent.length > 0)
    return {
      cause: "node_silent",
      sentence: `Nothing is known of ${who} on the nodes that have answered`,
    };
  const [away] = nodes.flatMap(({ turnedAway }) => turnedAway).sort((a, b) => b.last - a.last);
  if (away)
    return {
      cause: "turned_away",
      sentence: `Nothing is known of ${who}${sinceText(nodes)}, but ${away.count} ${away.count === 1 ? "connection was" : "connections were"} refused before their user was known, the last at ${timeText(away.last)}: ${away.reason.replace(/\.$/, "")}`,
    };
  return {
    cause: "unknown_user",
    sentence: `Nothing is known of ${who}: it has not connected${sinceText(nodes)}`,
  };
}

function concludeJudged(
  who: string,
  what: string,
  published: string,
  judged: readonly Judged[],
  { finding }: Judged,
): Conclusion {
  const { cause, text } = finding;
  if (!isDelivered(finding)) return { cause, sentence: `${who} did not get ${what}${published}: it ${text}` };
  const others = judged.filter(
    (each) => !isDelivered(each.finding) && each.finding.cause !== "not_connected",
  );
  const [other] = others;
  const rest =
    other === undefined
      ? ""
      : `; ${others.length === 1 ? "another of its connections" : `${others.length} of its other connections`} did not: ${other.facts.client} ${other.finding.text}`;
  return { cause, sentence: `${who} ${text} (${what}${published})${rest}` };
}

function concludeGone(what: string, nodes: readonly NodeFacts[]): Conclusion {
  const removed = nodes
    .flatMap(({ channel }) => channel)
    .filter(({ kind }) => kind === "history removed")
    .sort((a, b) => b.at - a.at)[0];
  if (removed)
    return {
      cause: "history_removed",
      sentence: `${capitalized(what)} is gone: the channel's history was removed at ${timeText(removed.at)}`,
    };
  return {
    cause: "not_kept",
    sentence: `${capitalized(what)} is no longer kept by the channel's retention, and nothing is recorded of it`,
  };
}

/** Adds that a repeat of the publish had no effect. */
function withDuplicate(
  { idempotencyKey }: Question,
  nodes: readonly NodeFacts[],
  found: Conclusion,
): Conclusion {
  if (idempotencyKey === undefined) return found;
  const repeat = publishesOf(nodes, idempotencyKey).find(({ kind }) => kind === "duplicate");
  if (repeat === undefined) return found;
  return {
    cause: "duplicate",
    sentence: `The publish with key ${idempotencyKey} at ${timeText(repeat.at)} repeated one that was accepted as publication ${repeat.offset}, and had no effect; of that one: ${found.sentence}`,
  };
}

const connectRefusals: Readonly<Record<number, WhyCause>> = {
  109: "connect_token_expired",
  3504: "connection_limit",
};

function publishesOf(nodes: readonly NodeFacts[], idempotencyKey: string): Timed<PublishEvent>[] {
  return nodes
    .flatMap(({ publishes }) => publishes)
    .filter((event) => event.idempotencyKey === idempotencyKey)
    .sort((a, b) => a.at - b.at);
}

function sinceText(nodes: readonly NodeFacts[]): string {
  const since = Math.max(...nodes.map(({ recordedSince }) => recordedSince ?? 0));
  return since > 0 ? ` since ${timeText(since)}` : "";
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function evidenceOf(
  question: Question,
  nodes: readonly NodeFacts[],
  judged: readonly Judged[],
): WhyEvidence[] {
  const { sought } = question;
  const all: WhyEvidence[] = [];
  if ("publication" in sought && sought.publication.time !== undefined) {
    const { offset, epoch, time } = sought.publication;
    all.push({ at: time, text: `publication ${offset} of epoch ${epoch} was published` });
  }
  const known =
    judged.length > 0
      ? judged
      : nodes.flatMap((each) => each.connections.map((facts) => ({ facts, node: each.node })));
  for (const { facts, node } of known) {
    const { client, transport, openedAt, events, live } = facts;
    all.push({ at: openedAt, node, client, text: `connection opened (${transport})` });
    for (const event of events) all.push({ at: event.at, node, client, text: describeEvent(event) });
    if (live) all.push({ node, client, text: describeLive(live) });
  }
  for (const { node, channel, publishes, refusals, turnedAway, omitted, recordedSince } of nodes) {
    for (const event of channel) {
      const text =
        event.kind === "restarted"
          ? `the log's epoch changed from ${event.before} to ${event.epoch}`
          : "the channel's history was removed";
      all.push({ at: event.at, node, text });
    }
    for (const { at, code, reason, client } of refusals)
      all.push({ at, node, client, text: `connect refused: ${closeText({ code, reason })}` });
    for (const event of publishes) all.push({ at: event.at, node, text: describePublish(event) });
    if (judged.length === 0)
      for (const { last, count, reason } of turnedAway)
        all.push({
          at: last,
          node,
          text: `${count} refused before their user was known, the last now: ${reason}`,
        });
    if (omitted > 0) all.push({ node, text: `${omitted} further connections of the user are left out` });
    if (recordedSince !== null) all.push({ at: recordedSince, node, text: "the records begin" });
  }
  const timed = all.sort((a, b) => (a.at ?? Number.POSITIVE_INFINITY) - (b.at ?? Number.POSITIVE_INFINITY));
  return timed.slice(-maxEvidence);
}

function describeLive({
  subscription,
  behindSince,
  unsentBytes,
}: NonNullable<ConnectionFacts["live"]>): string {
  const behind = behindSince === undefined ? "" : `, behind since ${timeText(behindSince)}`;
  if (subscription === undefined) return `is open, and not subscribed${behind}`;
  const { offset, head, state } = subscription;
  return `is open and ${state} at offset ${offset} of ${head}, ${unsentBytes} bytes unsent${behind}`;
}

function describePublish({ kind, by, offset, reason, idempotencyKey, code }: PublishEvent): string {
  const key = idempotencyKey === undefined ? "" : ` with key ${idempotencyKey}`;
  const who =
    by === "key" ? "a program with an API key" : by === "server" ? "the server" : by || "an anonymous client";
  const at = offset === undefined ? "" : ` as ${offset}`;
  const why = reason === undefined ? "" : `: ${reason}${code === undefined ? "" : ` (code ${code})`}`;
  return `publish by ${who}${key} ${kind}${at}${why}`;
}
