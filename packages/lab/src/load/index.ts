/** Parts of a measurement that run anywhere, browsers included: what comes at random, latencies, and the order of messages. */
export { LatencyHistogram } from "../latency-histogram.js";
export { createRandom, exponential } from "../random.js";
export { type Arrival, SequenceCheck } from "../sequence-check.js";
