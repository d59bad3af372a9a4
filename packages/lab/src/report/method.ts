/** What was set, and how it was measured, in words: whoever reads figures has to know what they are of. */
import type { LabResult, LabSettings } from "./lab-result.js";
import { transportWords } from "./lab-result.js";
import { formatCount, formatMs, formatNumber } from "./numbers.js";

export function settingLines({ settings, isByBrowser }: LabResult): [string, string][] {
  const { delayMs, jitterMs, cutEveryMs, blocked } = settings;
  const network =
    delayMs > 0 || jitterMs > 0
      ? `${formatMs(delayMs)} ± ${formatMs(jitterMs)} each way`
      : "none but this machine's own";
  return [
    isByBrowser ? ["Readers", "one browser"] : ["Users", formatCount(settings.users)],
    ["Polling", `every ${formatMs(settings.intervalMs)}`],
    ["Messages", `${formatNumber(settings.perSecond)} a second, ${formatCount(settings.bytes)} bytes each`],
    ["Window", formatMs(settings.durationMs)],
    ["Network", network],
    ["Connections are cut", cutEveryMs > 0 ? `after ${formatMs(cutEveryMs)}, on average` : "never"],
    ["A long poll waits", formatMs(settings.waitMs)],
    ["News may be", `${formatMs(settings.tolerableMs)} old`],
    ["Clients send, too", settings.isTwoWay ? "yes" : "no"],
    ["Stopped by the network", blocked.map((each) => transportWords[each].title).join(", ") || "nothing"],
    ...(isByBrowser ? [] : ofVirtualUsers(settings)),
  ];
}

function ofVirtualUsers(settings: LabSettings): [string, string][] {
  return [
    ["Header fields", settings.headers === "browser" ? "those that Chromium sends" : "the fewest that work"],
    ["Seed", String(settings.seed)],
  ];
}

export function method({ settings, isByBrowser }: LabResult): string[] {
  return isByBrowser ? inBrowser(settings) : byVirtualUsers(settings);
}

function inBrowser({ delayMs, cutEveryMs }: LabSettings): string[] {
  return [
    "One browser read over all transports at once, each from a server in a process of its own, which keeps its log in memory. All servers " +
      "published the same messages at the same time.",
    "Bytes are counted on the servers' sockets: header fields, chunks and frames, but not what TCP and IP add. What opening took is not " +
      "counted; what came while the last messages arrived is.",
    "Polls ask without a tag of their own: the browser's cache does that, and an empty answer is a 304. Answers of a kilobyte or more are " +
      "compressed; streams and sockets are not. Messages are random letters, which shrink by a quarter or so.",
    "Latency runs from when a message was due, by the server's clock, which the browser has compared with its own: it is off by half of the " +
      "quickest round trip of six at most. The reader is one of many things that a browser does.",
    "Processor time is each server process's own, for a single reader: small figures, and noisy ones.",
    "A reader that has lost its connection comes back with its position after 100 to 300 ms.",
    ...networkLines(delayMs, cutEveryMs),
  ];
}

function networkLines(delayMs: number, cutEveryMs: number): string[] {
  if (delayMs === 0 && cutEveryMs === 0) return [];
  return [
    "The network is simulated by a process between users and server: it holds bytes back in their order, a new connection for one more " +
      "round trip, and resets connections. It has no limit of bandwidth, and no packet is lost.",
  ];
}

function byVirtualUsers({ headers, delayMs, cutEveryMs }: LabSettings): string[] {
  return [
    "One transport after the other. Server and users are processes of their own, on one machine, without TLS; the server keeps its log " +
      "in memory, and has neither presence nor compression of sockets.",
    `Messages are random letters, which shrink by a quarter or so when compressed; what people write shrinks more. ${
      headers === "browser"
        ? "Answers to polls of a kilobyte or more are compressed, as the server does for browsers; streams and sockets are not."
        : "Nothing is compressed, since requests do not ask for it."
    }`,
    "Every user has TCP connections of its own, as every browser has. Bytes are counted on these sockets: header fields, chunks and " +
      "frames, HTTP/2's included, but not what TCP and IP add.",
    headers === "browser"
      ? "Requests carry the fields of a page in Chromium, without cookies, which would come on top of each request."
      : "Requests carry only the fields that the server needs; those of a browser are several times as long.",
    "Messages are published on a schedule, whatever comes back, over a connection of its own that is not counted as a user's. Latency runs " +
      "from when a message was due, so that nothing can hide by being slow.",
    "Publishing has begun before the window does, and goes on to its end; then all readers get the time to have everything. Each checks the " +
      "numbers of all messages: whether one is missing, comes twice, or comes late.",
    "Processor time and memory are the server process's own. It includes taking what is published, which is the same for all.",
    "Polls of one user come at an interval, users spread evenly over it, and are conditional (If-None-Match), so that an empty answer is a " +
      "304. Keep-alive ends after five idle seconds; beyond that interval each poll opens a connection.",
    "A user that has lost its connection comes back with its position, after a short random time that grows.",
    ...networkLines(delayMs, cutEveryMs),
    "Pings come every 25 s, so that a short window may see none.",
  ];
}
