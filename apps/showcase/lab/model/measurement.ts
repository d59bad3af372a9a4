/** What a browser's readers and their servers have counted, in the form that verdict, table and charts take. */
import type { LabMeasurement, LabSettings, LabTraffic, LabTransport } from "@holdfast/lab/report";
import type { LineUse } from "../server/protocol.js";
import type { Tally } from "./tally.js";

export interface Counted {
  readonly transport: LabTransport;
  readonly tally: Tally;
  readonly use: LineUse;
  readonly published: number;
  readonly windowMs: number;
  readonly isOpen: boolean;
}

const nothing: LabTraffic = {
  requests: 0,
  answers: 0,
  emptyAnswers: 0,
  bytesUp: 0,
  bytesDown: 0,
  connections: 0,
  frames: 0,
  deliveries: 0,
  cuts: 0,
  reconnects: 0,
};

/** Where the browser is the load, nothing is known of how busy it was. */
const unknownLoad = {
  loopUtilization: 0,
  arrivalUtilization: 0,
  corePercent: 0,
  lateP99Ms: 0,
  machineBusy: 0,
};

export function toMeasurement({
  transport,
  tally,
  use,
  published,
  windowMs,
  isOpen,
}: Counted): LabMeasurement {
  const { requests, answers, emptyAnswers, frames, deliveries, cuts, reconnects, check } = tally;
  const { bytesUp, bytesDown, connections, userMs, systemMs, cpuMs, rss, rssBefore, heapUsed } = use;
  return {
    transport,
    users: 1,
    opened: isOpen ? 1 : 0,
    windowMs,
    messages: published,
    traffic: {
      ...{ requests, answers, emptyAnswers, frames, deliveries, cuts, reconnects },
      ...{ bytesUp, bytesDown, connections },
    },
    opening: { ...nothing, ms: 0, serverCpuMs: 0 },
    latency: tally.latency.summary(),
    server: {
      ...{ userMs, systemMs },
      corePercent: windowMs > 0 ? (cpuMs / windowMs) * 100 : 0,
      microsPerDelivery: deliveries > 0 ? (cpuMs * 1000) / deliveries : null,
      loopDelayP99Ms: use.loopDelayP99Ms,
      connections: 1,
    },
    memory: {
      rssBefore,
      rssWithUsers: rss,
      rssPeak: rss,
      heapBefore: heapUsed,
      heapWithUsers: heapUsed,
      heapPeak: heapUsed,
      kibPerUser: Math.max(0, rss - rssBefore) / 1024,
    },
    sequences: {
      published,
      expected: published,
      missed: Math.max(0, check.missedOf(published)),
      duplicates: check.duplicates,
      outOfOrder: check.outOfOrder,
    },
    errors: { count: tally.errors, first: tally.firstErrors },
    load: unknownLoad,
    isLoadBound: false,
  };
}

/** So that a run can be judged: what browsers' readers were asked for. */
export function settingsOf(wished: Partial<LabSettings> & Pick<LabSettings, "transports">): LabSettings {
  return {
    users: 1,
    intervalMs: 1000,
    perSecond: 1,
    bytes: 100,
    durationMs: 15_000,
    delayMs: 0,
    jitterMs: 0,
    cutEveryMs: 0,
    waitMs: 20_000,
    tolerableMs: 1000,
    isTwoWay: false,
    blocked: [],
    headers: "browser",
    seed: 1,
    ...wished,
  };
}
