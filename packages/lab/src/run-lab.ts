/** A run of the lab: each transport, one after the other, so that they do not disturb each other. */
import { version } from "holdfast";
import { describeMachine } from "./machine.js";
import { measureTransport } from "./measure-transport.js";
import type { LabModules } from "./open-lab-server.js";
import type { LabMeasurement, LabResult, LabSample, LabSettings, LabTransport } from "./report/index.js";

/** Which transport begins or is done. */
export interface LabProgress {
  readonly transport: LabTransport;
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** Undefined when it begins. */
  readonly measurement?: LabMeasurement;
}

export interface LabRunOptions {
  readonly onProgress?: (progress: LabProgress) => void;
  /** Several times a second, with new figures each second of the window. */
  readonly onSample?: (sample: LabSample) => void;
  /** Ends the run; the result has the transports that were finished. */
  readonly signal?: AbortSignal;
  readonly modules?: LabModules;
}

/**
 * @param settings as `resolveLabSettings` gives them
 * @throws HF_LAB_FAILED when a process of the run ends or does not answer
 */
export async function runLab(settings: LabSettings, options: LabRunOptions = {}): Promise<LabResult> {
  const { onProgress, onSample = () => {}, signal, modules = {} } = options;
  const startedAt = new Date().toISOString();
  const measurements: LabMeasurement[] = [];
  const { transports } = settings;
  for (const [index, transport] of transports.entries()) {
    if (signal?.aborted) break;
    const place = { transport, index, count: transports.length };
    onProgress?.(place);
    try {
      const measurement = await measureTransport({ settings, transport, onSample, modules, signal });
      measurements.push(measurement);
      onProgress?.({ ...place, measurement });
    } catch (error) {
      // What a signal has ended is no failure.
      if (!signal?.aborted) throw error;
    }
  }
  return { version, startedAt, machine: describeMachine(), settings, measurements };
}
