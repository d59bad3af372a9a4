import { describe, expect, it } from "vitest";
import { formatPretty, Log, type Logger } from "../../src/observe/log.js";
import { FakeClock } from "../support/fake-clock.js";

function create() {
  const clock = new FakeClock();
  const lines: { level: string; message: string; facts: Record<string, unknown> }[] = [];
  const write = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, message, facts: { ...facts } });
  const logger: Logger = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
  };
  return { log: new Log({ logger, clock }), clock, lines };
}

const messages = (lines: readonly { message: string }[]) => lines.map(({ message }) => message);

describe("a line", () => {
  it("has its level, message and facts", () => {
    const { log, lines } = create();
    log.info("listening", { url: "http://localhost:8000" });
    expect(lines).toEqual([{ level: "info", message: "listening", facts: { url: "http://localhost:8000" } }]);
  });

  it("of a failure says at which stage, and has the error", () => {
    const { log, lines } = create();
    log.failure(new TypeError("x is bad"), "onMessage");
    expect(lines).toMatchObject([
      {
        level: "error",
        message: "onMessage: x is bad",
        facts: { stage: "onMessage", error: { type: "TypeError" } },
      },
    ]);
  });

  it("has no secrets, and no line breaks of a peer", () => {
    const { log, lines } = create();
    log.failure("redis://u:hidden-77@h\nforged line", "broker");
    log.warn("token=hidden-77", { token: "hidden-77" });
    log.audit({ event: "originRefused", time: 1, reason: "it\nis\u0085so", origin: "https://a\nb" });
    expect(JSON.stringify(lines)).not.toContain("hidden-77");
    for (const message of messages(lines)) expect(message).not.toMatch(/\p{Cc}/u);
    expect(lines.at(-1)).toMatchObject({ level: "warn", message: "audit: origin refused: it is so" });
  });
});

describe("a line that repeats", () => {
  it("is written five times, then counted, once a minute", () => {
    const { log, lines, clock } = create();
    for (let i = 0; i < 1239; i++) log.warn(`cannot reach 10.0.0.${i}`, { i });
    expect(lines).toHaveLength(5);
    clock.advance(60_000);
    expect(lines[5]).toEqual({
      level: "warn",
      message: "cannot reach 10.0.0.0 (repeated 1,234 times in the last minute)",
      facts: { repeats: 1234 },
    });
    log.warn("cannot reach 10.0.0.1");
    expect(lines).toHaveLength(7);
  });

  it("does not hold back others", () => {
    const { log, lines } = create();
    for (let i = 0; i < 100; i++) log.warn("one");
    log.warn("two");
    log.info("one");
    expect(messages(lines).slice(5)).toEqual(["two", "one"]);
  });

  it("of very many kinds takes bounded memory and few lines", () => {
    const { log, lines, clock } = create();
    const letters = "abcdefghijklmnopqrstuvwxyz";
    for (let i = 0; i < 5000; i++)
      log.info(`kind ${letters[i % 26]}${letters[((i / 26) % 26) | 0]}${letters[(i / 676) | 0]}`);
    expect(lines.length).toBeLessThan(210);
    clock.advance(60_000);
    expect(lines.at(-1)?.message).toMatch(/^other messages \(repeated 4,79\d times/);
  });

  it("is counted in a last line when the log is closed, and no timer is left", () => {
    const { log, lines, clock } = create();
    for (let i = 0; i < 7; i++) log.warn("again");
    log.close();
    expect(messages(lines).at(-1)).toBe("again (repeated 2 times in the last minute)");
    expect(clock.timers).toBe(0);
  });
});

it("for people, a line has time, level, message, and the rest as name=value", () => {
  const line = JSON.stringify({
    level: "warn",
    time: "2026-11-30T07:55:24.123Z",
    pid: 7,
    code: 3008,
    user: "ann",
    error: { stack: "Error: x\n    at y" },
    msg: "disconnected a client: slow",
  });
  expect(formatPretty(line)).toBe(
    '07:55:24.123 WARN  disconnected a client: slow code=3008 user="ann"\nError: x\n    at y\n',
  );
});
