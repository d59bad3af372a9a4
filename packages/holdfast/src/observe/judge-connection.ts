/**
 * What became of one publication on one connection, by what a node recorded of it: the times in which it was subscribed are compared by
 * offset, which holds whatever the clocks of nodes say; only connections that never subscribed are compared by time.
 */
import type { WhyQuery } from "../channels/cluster.js";
import type { ConnectionEvent, ConnectionFacts, RecoveryRefusal, Timed } from "../sessions/recorder.js";
import type { WhyCause } from "./why-causes.js";

type Publication = NonNullable<WhyQuery["publication"]>;
type EventOf<K extends ConnectionEvent["kind"]> = Extract<ConnectionFacts["events"][number], { kind: K }>;
type Live = NonNullable<NonNullable<ConnectionFacts["live"]>["subscription"]>;

export interface Finding {
  readonly cause: WhyCause;
  /** A clause without a subject, such as `subscribed at …`; the caller names the user and the publication. */
  readonly text: string;
}

/** One subscription. Without `start`, it began before what is recorded. */
interface Span {
  readonly start?: EventOf<"subscribed">;
  end?: EventOf<"unsubscribed">;
  live?: Live;
}

export interface JudgedChannel {
  /** Of the channel; undefined for a stream. */
  readonly kind: string | undefined;
  /** Unix milliseconds; from then on everything is recorded. */
  readonly recordedSince: number;
  /** When the channel's history was removed. */
  readonly removals: readonly number[];
}

/** Causes by how much they say where connections differ, the most telling first. */
const ranking: readonly WhyCause[] = [
  "delivered",
  "recovered",
  "late",
  "filtered",
  "superseded",
  "behind",
  "history_removed",
  "recovery_expired",
  "recovery_epoch",
  "recovery_forbidden",
  "recovery_ahead",
  "recovery_off",
  "token_revoked",
  "gap",
  "slow",
  "no_pong",
  "over_limit",
  "unsubscribed_by_server",
  "subscription_expired",
  "connection_expired",
  "subscribe_denied",
  "subscribe_token_expired",
  "subscribe_refused",
  "disconnected",
  "subscribed_after",
  "unsubscribed",
  "shutdown",
  "connection_ended",
  "not_subscribed",
  "not_recorded",
  "not_connected",
];

export function compareFindings(a: Finding, b: Finding): number {
  return ranking.indexOf(a.cause) - ranking.indexOf(b.cause);
}

export function isDelivered({ cause }: Finding): boolean {
  return cause === "delivered" || cause === "recovered" || cause === "late";
}

export function timeText(at: number): string {
  return `${new Date(at).toISOString()}`;
}

export function judgeConnection(
  facts: ConnectionFacts,
  publication: Publication,
  channel: JudgedChannel,
): Finding | undefined {
  const findings = spansOf(facts)
    .map((span) => judgeSpan(span, facts, publication, channel))
    .filter((finding) => finding !== undefined)
    .sort(compareFindings);
  return findings[0] ?? judgeWithoutSubscription(facts, publication, channel);
}

function spansOf({ events, live }: ConnectionFacts): Span[] {
  const spans: Span[] = [];
  let open: Span | undefined;
  for (const event of events) {
    if (event.kind === "subscribed") {
      open = { start: event };
      spans.push(open);
    } else if (event.kind === "unsubscribed") {
      if (open === undefined) spans.push({ end: event });
      else open.end = event;
      open = undefined;
    }
  }
  if (live?.subscription === undefined) return spans;
  if (open) open.live = live.subscription;
  else spans.push({ live: live.subscription });
  return spans;
}

function judgeSpan(
  span: Span,
  facts: ConnectionFacts,
  publication: Publication,
  channel: JudgedChannel,
): Finding | undefined {
  const { start, end, live } = span;
  const { epoch, offset, time } = publication;
  const ofSpan = start?.epoch ?? end?.epoch ?? live?.epoch;
  if (ofSpan !== epoch) return undefined;
  if (start && offset <= start.start) return judgeBefore(start, publication, channel);
  const last = end?.offset ?? live?.offset;
  if (last === undefined) return undefined;
  if (offset > last) return end ? judgeAfter(end, facts, publication) : judgePending(facts, last);
  if (start === undefined && (time === undefined || time < channel.recordedSince))
    return {
      cause: "not_recorded",
      text: `was subscribed before the records begin at ${timeText(channel.recordedSince)}`,
    };
  return judgeCovered(span, facts, publication, channel);
}

/** The subscription went past the publication. */
function judgeCovered(
  { start, live }: Span,
  facts: ConnectionFacts,
  { offset, time }: Publication,
  { kind }: JudgedChannel,
): Finding {
  if ((start?.isFiltered ?? live?.isFiltered) === true)
    return { cause: "filtered", text: "was subscribed with a tags filter that its tags do not pass" };
  const recovered = start?.recovery === "recovered" && offset <= start.head;
  const behind = time === undefined ? undefined : behindAt(facts, time);
  if (kind === "latest" && (recovered || behind))
    return {
      cause: "superseded",
      text: `was behind, and in a channel of kind latest gets only the newest then${behind ? ` (${spellText(behind)})` : ""}`,
    };
  if (recovered && start)
    return {
      cause: "recovered",
      text: `got it at ${timeText(start.at)}, when it subscribed again and recovered from offset ${start.start}`,
    };
  if (behind) return { cause: "late", text: `was behind ${spellText(behind)}, and got it by then` };
  const when = time === undefined ? "while it was subscribed" : `at ${timeText(time)}, as it was published`;
  return { cause: "delivered", text: `got it ${when}` };
}

/** The subscription began after the publication. */
function judgeBefore(
  { at, start, recovery, reason }: EventOf<"subscribed">,
  { time }: Publication,
  { removals }: JudgedChannel,
): Finding {
  const subscribed = `subscribed at ${timeText(at)}, from offset ${start} on`;
  if (recovery === undefined || recovery === "recovered")
    return { cause: "subscribed_after", text: `${subscribed}, without recovering what came before` };
  const removed = removals.filter((each) => each <= at && (time === undefined || each >= time)).at(-1);
  if (recovery === "expired" && removed !== undefined)
    return {
      cause: "history_removed",
      text: `${subscribed}: the channel's history had been removed at ${timeText(removed)}`,
    };
  const { cause, text } = recoveryRefusals[recovery];
  return { cause, text: `${subscribed}; recovery was refused: ${reason ?? text}` };
}

const recoveryRefusals: Readonly<
  Record<RecoveryRefusal, { readonly cause: WhyCause; readonly text: string }>
> = {
  expired: { cause: "recovery_expired", text: "what it had missed is no longer kept" },
  epoch: { cause: "recovery_epoch", text: "the channel's log had started afresh" },
  forbidden: { cause: "recovery_forbidden", text: "it may not read earlier publications" },
  ahead: { cause: "recovery_ahead", text: "its position lies beyond the end of the log" },
  unkept: { cause: "recovery_off", text: "nothing is kept of this channel" },
  off: { cause: "recovery_off", text: "recovery is off in this channel" },
};

/** The subscription ended before the publication. */
function judgeAfter(end: EventOf<"unsubscribed">, facts: ConnectionFacts, { time }: Publication): Finding {
  const closed = end.code === 1 ? facts.events.find(({ kind }) => kind === "closed") : undefined;
  const behind = time === undefined || time > end.at ? undefined : behindAt(facts, time);
  const lag = behind ? `, after it had been behind since ${timeText(behind.since)}` : "";
  const has = `with everything up to offset ${end.offset}`;
  if (closed?.kind === "closed")
    return {
      cause: causeOfClose(closed.code, closed.reason),
      text: `lost its connection at ${timeText(closed.at)}, ${has}${lag}: ${closeText(closed)}`,
    };
  if (end.code === 1)
    return { cause: "connection_ended", text: `lost its connection at ${timeText(end.at)}, ${has}${lag}` };
  const cause = endCauses[end.code] ?? "unsubscribed_by_server";
  const code = end.code === 0 ? "" : ` (code ${end.code})`;
  return { cause, text: `was unsubscribed at ${timeText(end.at)}, ${has}${lag}: ${end.reason}${code}` };
}

const endCauses: Readonly<Record<number, WhyCause>> = {
  0: "unsubscribed",
  2000: "unsubscribed_by_server",
  2500: "gap",
  2501: "subscription_expired",
  2502: "token_revoked",
};

const closeCauses: Readonly<Record<number, WhyCause>> = {
  0: "connection_ended",
  3001: "shutdown",
  3005: "connection_expired",
  3006: "subscription_expired",
  3008: "slow",
  3010: "gap",
  3012: "no_pong",
  3013: "over_limit",
  3504: "connection_limit",
  3505: "over_limit",
};

function causeOfClose(code: number, reason: string): WhyCause {
  return reason.includes("revoked") ? "token_revoked" : (closeCauses[code] ?? "disconnected");
}

export function closeText({ code, reason }: { readonly code: number; readonly reason: string }): string {
  return code === 0 ? reason : `${reason} (code ${code})`;
}

function judgePending({ live, events }: ConnectionFacts, offset: number): Finding {
  const since = live?.behindSince ?? events.findLast(({ kind }) => kind === "subscribed")?.at;
  const state = live?.subscription?.state;
  const why =
    state === "full"
      ? `its socket is full (${live?.unsentBytes} bytes wait for it)`
      : state === "reading"
        ? "it is reading the log"
        : "it is catching up";
  const from = since === undefined ? "" : ` since ${timeText(since)}`;
  return { cause: "behind", text: `is behind${from}, with everything up to offset ${offset}: ${why}` };
}

function judgeWithoutSubscription(
  facts: ConnectionFacts,
  { time }: Publication,
  { recordedSince }: JudgedChannel,
): Finding | undefined {
  const refused = facts.events.findLast((event): event is EventOf<"refused"> => event.kind === "refused");
  const { openedAt, closedAt = Number.POSITIVE_INFINITY } = facts;
  if (refused)
    return {
      cause: subscribeRefusals[refused.code] ?? "subscribe_refused",
      text: `was refused the subscription at ${timeText(refused.at)}: ${refused.reason} (code ${refused.code})`,
    };
  if (time === undefined) return undefined;
  if (time < recordedSince)
    return {
      cause: "not_recorded",
      text: `was connected before the records begin at ${timeText(recordedSince)}`,
    };
  if (openedAt > time)
    return { cause: "not_connected", text: `opened its connection at ${timeText(openedAt)}` };
  if (closedAt < time) {
    const closed = facts.events.findLast((event): event is EventOf<"closed"> => event.kind === "closed");
    const why = closed ? `: ${closeText(closed)}` : "";
    return { cause: "not_connected", text: `had lost its connection at ${timeText(closedAt)}${why}` };
  }
  return { cause: "not_subscribed", text: `was connected since ${timeText(openedAt)}, and not subscribed` };
}

const subscribeRefusals: Readonly<Record<number, WhyCause>> = {
  102: "unknown_channel",
  103: "subscribe_denied",
  109: "subscribe_token_expired",
};

interface Spell {
  readonly since: number;
  /** Undefined while it lasts. */
  readonly until?: number;
}

function behindAt({ events, live }: ConnectionFacts, time: number): Spell | undefined {
  const spell = events.find((event): event is EventOf<"behind"> => {
    return event.kind === "behind" && event.since <= time && time <= event.at;
  });
  if (spell) return { since: spell.since, until: spell.at };
  return live?.behindSince !== undefined && live.behindSince <= time
    ? { since: live.behindSince }
    : undefined;
}

function spellText({ since, until }: Spell): string {
  return `from ${timeText(since)} ${until === undefined ? "until now" : `to ${timeText(until)}`}`;
}

/** An event in words, as evidence. */
export function describeEvent(event: Timed<ConnectionFacts["events"][number]>): string {
  switch (event.kind) {
    case "connected":
      return "connected";
    case "closed":
      return `connection ended: ${closeText(event)}`;
    case "behind":
      return `was behind since ${timeText(event.since)}${event.readsLog ? ", and read the log" : ""}${event.isCaughtUp ? "; caught up" : ""}`;
    case "limited":
      return `commands were refused ${event.count} times: ${event.reason} (code ${event.code})`;
    case "subscribed": {
      const { start, head, epoch, recovery, reason, isByServer } = event;
      const outcome =
        recovery === undefined
          ? ""
          : recovery === "recovered"
            ? ", recovered"
            : `, not recovered: ${reason ?? recoveryRefusals[recovery].text}`;
      const how = isByServer ? "was subscribed by the server" : "subscribed";
      const filter = event.isFiltered === undefined ? "" : ", with a tags filter";
      return `${how} from offset ${start} of epoch ${epoch}, head ${head}${outcome}${filter}`;
    }
    case "refused":
      return `subscription refused: ${event.reason} (code ${event.code})`;
    case "unsubscribed":
      return `unsubscribed with everything up to offset ${event.offset}: ${event.reason}${event.code > 1 ? ` (code ${event.code})` : ""}`;
  }
}
