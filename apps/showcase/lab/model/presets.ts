/** Settings to begin with, each a story of its own. */
import { browserTransports } from "../server/protocol.js";
import type { Wish } from "./lab.js";

export interface Preset {
  readonly name: string;
  readonly title: string;
  readonly wish: Wish;
}

const base: Wish = {
  transports: browserTransports,
  users: 50,
  intervalMs: 1000,
  perSecond: 0.2,
  bytes: 100,
  durationMs: 15_000,
  delayMs: 0,
  jitterMs: 0,
  cutEveryMs: 0,
  tolerableMs: 1000,
  isTwoWay: false,
};

export const presets: readonly Preset[] = [
  { name: "score", title: "Live score: something every 5 seconds", wish: base },
  {
    name: "chat",
    title: "Chat: 2 messages a second, and people write",
    wish: { ...base, perSecond: 2, isTwoWay: true, tolerableMs: 500 },
  },
  {
    name: "ticker",
    title: "Ticker: 20 changes a second",
    wish: { ...base, perSecond: 20, bytes: 200, tolerableMs: 250, durationMs: 10_000 },
  },
  {
    name: "train",
    title: "On a train: 80 ms away, and the line breaks",
    wish: {
      ...base,
      perSecond: 1,
      delayMs: 80,
      jitterMs: 40,
      cutEveryMs: 5000,
      durationMs: 20_000,
      tolerableMs: 3000,
    },
  },
  {
    name: "report",
    title: "A report: a poll a minute would do",
    wish: { ...base, perSecond: 0.1, intervalMs: 5000, tolerableMs: 60_000, durationMs: 20_000 },
  },
];
