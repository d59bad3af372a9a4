/** Which benchmarks can be drawn, and how. */
import { drawFanOut, type FanOutSample } from "./fan-out.js";
import { drawLatency, type LatencySample } from "./latency.js";
import type { Measurements } from "./measurements.js";
import { drawPublish, type PublishSample } from "./publish.js";
import { drawRecovery, type RecoverySample } from "./recovery.js";
import { drawSlow, type SlowSample } from "./slow.js";

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
