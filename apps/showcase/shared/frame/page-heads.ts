/** The heading of each page and what it says there is to see: for the page itself, and for what it shows before its script runs. */

export interface PageHead {
  readonly title: string;
  readonly lead: string;
}

export const pageHeads = {
  canvas: {
    title: "The multiplayer canvas",
    lead: "Draw, and the others see the line as it grows. Cut the line and keep drawing: your strokes wait, and nothing is missing afterwards.",
  },
  leaderboard: {
    title: "The live leaderboard",
    lead: "Catch what drifts by: everybody sees your score as you make it. Cut the line in the middle of a round: no catch is lost.",
  },
  ticker: {
    title: "Ticker",
    lead: "200 symbols in one channel that keeps only the newest of each, and this machine’s own meters in channels that keep everything. Be a slow reader, or cut the line: prices jump to the newest, and the charts have no gap.",
  },
  notices: {
    title: "Notifications",
    lead: "A channel that only you can read and only the server can write to. Open this page twice: what you read in one window is read in the other. Cut the line and have one sent meanwhile: it is there when you are back, once.",
  },
  lab: {
    title: "What does each transport cost?",
    lead: "The same messages, read over each transport from a separate server. Everything is measured while you watch: bytes on the sockets, including header fields, the delay of each message, and the server’s CPU time.",
  },
  play: {
    title: "Playground",
    lead: "A few lines of client code, run as two clients of this server. Below each client: every message, as it goes.",
  },
} as const satisfies Readonly<Record<string, PageHead>>;

export type PageName = keyof typeof pageHeads;
