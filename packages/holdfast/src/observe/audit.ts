/**
 * The audit: an entry for each refused token, API key and origin, each revocation and each call of the API that changes something.
 * Whoever refuses, revokes or changes calls one function with the facts: who, from where and why; never tokens, keys or payloads.
 * Repeated facts are counted instead of written again.
 */
import type { Clock } from "../time/clock.js";

/** Events, and how they read in an entry's line. */
export const auditEvents = {
  tokenRefused: "token refused",
  keyRefused: "API key refused",
  originRefused: "origin refused",
  tokensRevoked: "tokens revoked",
  adminCall: "admin call",
  publishCall: "publish call",
} as const;

export type AuditEvent = keyof typeof auditEvents;

/** Texts are clipped to 200 characters. */
export interface AuditFacts {
  /** Why, as a sentence; never with any part of a token, a key or a payload. */
  readonly reason?: string;
  /** The client's address, as a trusted proxy names it or the socket has it. */
  readonly address?: string;
  readonly user?: string;
  readonly client?: string;
  readonly channel?: string;
  /** Of a refused page. */
  readonly origin?: string;
  /** Path of a request, without its query, which may contain a key. */
  readonly path?: string;
  /** Of the API. */
  readonly method?: string;
  /** The name of the API key that called it. */
  readonly key?: string;
  /** The revoked token's id (`jti`). */
  readonly tokenId?: string;
  /** Unix milliseconds; tokens issued before are revoked. */
  readonly issuedBefore?: number;
}

export interface AuditEntry extends AuditFacts {
  readonly event: AuditEvent;
  /** Unix milliseconds. */
  readonly time: number;
  /** Further events with the same facts since the previous entry. */
  readonly repeats?: number;
}

export type AuditFunction = (entry: AuditEntry) => void;

/** Records an event. Never throws. */
export type Audit = (event: AuditEvent, facts: AuditFacts) => void;

export interface AuditContext {
  readonly clock: Clock;
  readonly write: AuditFunction;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** The same facts get one entry at once, and then at most one in this time, which counts the repeats. */
const repeatMs = 10_000;
/** Distinct facts of an event within that time; more are counted together. */
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
    publishCall: new Map(),
  };
  let isScheduled = false;

  const writeEntry = ({ event, facts }: Subject, repeats: number) => {
    try {
      write({ event, time: clock.now(), ...facts, ...(repeats > 0 && { repeats }) });
    } catch (error) {
      onError(error, { stage: "audit" });
    }
  };
  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    clock.setTimer(writeRepeats, repeatMs);
  };
  function writeRepeats(): void {
    isScheduled = false;
    for (const known of Object.values(subjects))
      for (const [key, subject] of known) {
        const { repeats } = subject;
        if (repeats === 0) known.delete(key);
        else {
          subject.repeats = 0;
          writeEntry(subject, repeats);
          schedule();
        }
      }
  }

  return (event, given) => {
    const known = subjects[event];
    const isFull = known.size >= maxSubjects;
    let facts = clipFacts(given);
    let key = JSON.stringify(Object.entries(facts).sort());
    if (isFull && !known.has(key)) {
      facts = { reason: "too many different ones to list" };
      key = "";
    }
    const subject = known.get(key);
    if (subject) {
      subject.repeats++;
      return;
    }
    const first: Subject = { event, facts, repeats: 0 };
    known.set(key, first);
    schedule();
    writeEntry(first, 0);
  };
}

function clipFacts(facts: AuditFacts): AuditFacts {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => {
      if (value === undefined || value === "") return [];
      return [[name, typeof value === "string" ? value.slice(0, maxFactCharacters) : value]];
    }),
  );
}
