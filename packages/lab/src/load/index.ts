/** Parts of a measurement that run anywhere, browsers included. */
export { inParallel } from "./in-parallel.js";
export { LatencyHistogram } from "./latency-histogram.js";
export { createFiller } from "./payload.js";
export { createRandom, exponential } from "./random.js";
export { createSchedule, type Schedule } from "./schedule.js";
export { type Arrival, SequenceCheck } from "./sequence-check.js";
