/** Which benchmarks can be drawn, and how. */
import type { FanOutSample } from "../support/fan-out-table.js";
import type { LatencySample } from "../support/latency-table.js";
import type { PublishSample } from "../support/publish-table.js";
import type { RecoverySample } from "../support/recovery-table.js";
import type { SlowSample } from "../support/slow-table.js";
import { drawFanOut } from "./fan-out-plot.js";
import { drawLatency } from "./latency-plot.js";
import type { Measurements } from "./measurements.js";
import { drawPublish } from "./publish-plot.js";
import { drawRecovery } from "./recovery-plot.js";
import { drawSlow } from "./slow-plot.js";

const drawings: Readonly<Record<string, (measured: Measurements<unknown>) => string>> = {
  publish: (measured) => drawPublish(measured as Measurements<PublishSample>),
  fanout: (measured) => drawFanOut(measured as Measurements<FanOutSample>),
  recovery: (measured) => drawRecovery(measured as Measurements<RecoverySample>),
  slow: (measured) => drawSlow(measured as Measurements<SlowSample>),
  latency: (measured) => drawLatency(measured as Measurements<LatencySample>),
};

/** @returns the SVG; undefined where there is no plot of this benchmark's */
export function draw(measured: Measurements<unknown>): string | undefined {
  return drawings[measured.bench]?.(measured);
}
