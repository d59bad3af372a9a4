/**
 * The audit: one entry for each refused token, refused API key, refused origin, revocation and call of an admin method.
 * Everybody who refuses or revokes calls the same function with the facts; what repeats is counted instead of told again.
 * Facts name who, from where and why. Tokens, keys and payloads are never among them.
 */
import type { Clock } from "../time/clock.js";

/** What an entry is about; the words of its line. */
export const auditEvents = {
  tokenRefused: "token refused",
  keyRefused: "API key refused",
  originRefused: "origin refused",
  tokensRevoked: "tokens revoked",
  adminCall: "admin call",
} as const;

export type AuditEvent = keyof typeof auditEvents;

/** Everything is cut at 200 characters. */
export interface AuditFacts {
  /** Why, as a sentence; never with a part of a token, a key or a payload in it. */
  readonly reason?: string;
  /** The peer's address, or what a trusted proxy says it is. */
  readonly address?: string;
  readonly user?: string;
  readonly client?: string;
  readonly channel?: string;
  /** Of a page that was refused. */
  readonly origin?: string;
  /** Path of a request, without its query, which may have a key in it. */
  readonly path?: string;
  /** Of the HTTP interface. */
  readonly method?: string;
  /** Revoked, by the id that it has in `jti`. */
  readonly tokenId?: string;
  /** Unix milliseconds; tokens that were issued before are revoked. */
  readonly issuedBefore?: number;
}

export interface AuditEntry extends AuditFacts {
  readonly event: AuditEvent;
  /** Unix milliseconds. */
  readonly time: number;
  /** How many more there were with the same facts since the last entry, which got none of their own. */
  readonly repeats?: number;
}

export type AuditFunction = (entry: AuditEntry) => void;

/** Tells the audit. Never throws. */
export type Audit = (event: AuditEvent, facts: AuditFacts) => void;

export interface AuditContext {
  readonly clock: Clock;
  readonly write: AuditFunction;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** The same facts get one entry, and then one in this time that counts the others. */
const repeatMs = 10_000;
/** Facts of an event that are told apart within that time; what comes beyond is counted together. */
const maxSubjects = 500;
const maxFactCharacters = 200;

interface Subject {
  readonly event: AuditEvent;
  readonly facts: AuditFacts;
  repeats: number;
}

export const silentAudit: Audit = () => {};

export function createAudit({ clock, write, onError }: AuditContext): Audit {
  const subjects: Readonly<Record<AuditEvent, Map<string, Subject>>> = {
    tokenRefused: new Map(),
    keyRefused: new Map(),
    originRefused: new Map(),
    tokensRevoked: new Map(),
    adminCall: new Map(),
  };
  let isWaiting = false;

  const tell = ({ event, facts }: Subject, repeats: number) => {
    try {
      write({ event, time: clock.now(), ...facts, ...(repeats > 0 && { repeats }) });
    } catch (error) {
      onError(error, { stage: "audit" });
    }
  };
  const wait = () => {
    if (isWaiting) return;
    isWaiting = true;
    clock.setTimer(tellRepeats, repeatMs);
  };
  function tellRepeats(): void {
    isWaiting = false;
    for (const known of Object.values(subjects))
      for (const [key, subject] of known) {
        const { repeats } = subject;
        if (repeats === 0) known.delete(key);
        else {
          subject.repeats = 0;
          tell(subject, repeats);
          wait();
        }
      }
  }

  return (event, given) => {
    const known = subjects[event];
    const isFull = known.size >= maxSubjects;
    let facts = clipFacts(given);
    let key = JSON.stringify(Object.entries(facts).sort());
    if (isFull && !known.has(key)) {
      facts = { reason: "several, of which there were too many to be told apart" };
      key = "";
    }
    const subject = known.get(key);
    if (subject) {
      subject.repeats++;
      return;
    }
    const first: Subject = { event, facts, repeats: 0 };
    known.set(key, first);
    wait();
    tell(first, 0);
  };
}

/** The entry as a line, without a line break at its end. What a peer has chosen is quoted, so that it stays within the line. */
export function formatAuditEntry({ event, time, reason, repeats, ...facts }: AuditEntry): string {
  const why = reason === undefined ? "" : `: ${reason.replace(/\p{Cc}/gu, " ")}`;
  const details = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const more = repeats === undefined ? [] : [`repeats=${repeats}`];
  const all = [...details, ...more].join(" ");
  return `holdfast: audit: ${new Date(time).toISOString()} ${auditEvents[event]}${why}${all && ` (${all})`}`;
}

function clipFacts(facts: AuditFacts): AuditFacts {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => {
      if (value === undefined || value === "") return [];
      return [[name, typeof value === "string" ? value.slice(0, maxFactCharacters) : value]];
    }),
  );
}
