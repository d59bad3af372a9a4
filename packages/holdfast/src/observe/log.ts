/**
 * The log: one line for what matters to those who run the server, with ids, without payloads and secrets. A line that repeats is
 * written a few times a minute, and then counted: "repeated 1,234 times in the last minute".
 */
import type { Clock } from "../time/clock.js";
import { type AuditEntry, auditEvents } from "./audit.js";
import { redactText, redactValue } from "./redact.js";

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What writes lines: a logger of pino, or anything with the same four methods. MUST NOT throw. */
export type Logger = {
  readonly [L in LogLevel]: (facts: object, message: string) => void;
};

export type LogFacts = Readonly<Record<string, unknown>>;

export interface LogContext {
  readonly logger: Logger;
  readonly clock: Pick<Clock, "setTimer">;
}

const minuteMs = 60_000;
/** Lines of one kind in a minute; further ones are counted. */
const maxLines = 5;
/** Kinds that are told apart in a minute; further ones are one kind. */
const maxKinds = 200;

interface Kind {
  readonly level: LogLevel;
  readonly message: string;
  lines: number;
  repeats: number;
}

export class Log {
  readonly #context: LogContext;
  readonly #kinds = new Map<string, Kind>();
  #cancelTimer: (() => void) | undefined;

  constructor(context: LogContext) {
    this.#context = context;
  }

  debug(message: string, facts?: LogFacts): void {
    this.#add("debug", message, facts);
  }

  info(message: string, facts?: LogFacts): void {
    this.#add("info", message, facts);
  }

  warn(message: string, facts?: LogFacts): void {
    this.#add("warn", message, facts);
  }

  /** A failure in the background. @param stage what failed */
  failure(error: unknown, stage: string): void {
    const why = error instanceof Error ? error.message : String(error);
    this.#add("error", `${stage}: ${why}`, { stage, error });
  }

  /** Entries of the audit, which counts repeats itself. */
  audit({ event, time: _, reason, ...facts }: AuditEntry): void {
    const why = reason === undefined ? "" : `: ${reason}`;
    this.#write("warn", `audit: ${auditEvents[event]}${why}`, { audit: event, ...facts });
  }

  /** Writes what was counted, and stops. */
  close(): void {
    this.#cancelTimer?.();
    this.#endMinute();
  }

  #add(level: LogLevel, message: string, facts: LogFacts = {}): void {
    const kind = this.#kindOf(level, message);
    if (kind.lines >= maxLines) {
      kind.repeats++;
      return;
    }
    kind.lines++;
    this.#write(level, message, facts);
  }

  #kindOf(level: LogLevel, message: string): Kind {
    // Numbers and ids differ from line to line of the same kind.
    const key = `${level} ${message.slice(0, 200).replace(/[\da-f-]{8,}|\d+/gi, "#")}`;
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    this.#cancelTimer ??= this.#context.clock.setTimer(() => this.#endMinute(), minuteMs);
    const isFull = this.#kinds.size >= maxKinds;
    const others = isFull ? this.#kinds.get(level) : undefined;
    if (others !== undefined) return others;
    const kind = { level, message: isFull ? "other messages" : message, lines: 0, repeats: 0 };
    this.#kinds.set(isFull ? level : key, kind);
    return kind;
  }

  #endMinute(): void {
    this.#cancelTimer = undefined;
    const kinds = [...this.#kinds.values()];
    this.#kinds.clear();
    for (const { level, message, repeats } of kinds)
      if (repeats > 0)
        this.#write(
          level,
          `${message} (repeated ${repeats.toLocaleString("en-US")} times in the last minute)`,
          {
            repeats,
          },
        );
  }

  #write(level: LogLevel, message: string, facts: LogFacts): void {
    // What peers chose stays within its line.
    const text = redactText(message).replace(/\p{Cc}+/gu, " ");
    this.#context.logger[level](redactValue(facts) as object, text);
  }
}

/** Drops everything. */
export const silentLogger: Logger = Object.freeze({ debug() {}, info() {}, warn() {}, error() {} });

/** A line of pino in JSON, for people: time, level, message, and the rest as `name=value`. */
export function formatPretty(line: string): string {
  const { level, time, msg, pid: _, error, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const clock = String(time).slice(11, 23);
  const details = Object.entries(facts).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const { stack } = (error ?? {}) as { readonly stack?: string };
  const trace = stack === undefined ? "" : `\n${stack}`;
  return `${[clock, String(level).toUpperCase().padEnd(5), String(msg), ...details].join(" ")}${trace}\n`;
}
