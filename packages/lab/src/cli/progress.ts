/** Progress of a run: bars on a terminal, plain lines elsewhere. On standard error, so that standard output has only results. */
import { Listr, ListrLogger, ProcessOutput } from "listr2";
import type { LabProgress, LabRunOptions } from "../index.js";
import {
  formatCount,
  formatMs,
  type LabMeasurement,
  type LabResult,
  type LabSample,
  type LabSettings,
  type LabTransport,
  transportInfo,
} from "../report/index.js";

type Callbacks = Pick<LabRunOptions, "onProgress" | "onSample">;

/** The line of one transport: what it waits for. */
interface Stage {
  readonly begun: Promise<void>;
  readonly done: Promise<LabMeasurement | undefined>;
  begin(): void;
  end(measurement: LabMeasurement | undefined): void;
  onSample?: (sample: LabSample) => void;
}

/** @param run measures, and calls back @throws what `run` throws */
export async function runWithProgress(
  settings: LabSettings,
  run: (callbacks: Callbacks) => Promise<LabResult>,
): Promise<LabResult> {
  const stages = new Map<LabTransport, Stage>(settings.transports.map((each) => [each, createStage()]));
  const isTerminal = process.stderr.isTTY === true && process.stdout.isTTY === true;
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) });
  const tasks = new Listr(
    [...stages].map(([transport, stage]) => ({
      title: transportInfo[transport].title,
      task: async (_context: unknown, task: { title: string; output: string; skip(why: string): void }) => {
        await stage.begun;
        if (isTerminal)
          stage.onSample = (sample) => {
            task.output = progressLine(sample);
          };
        const measurement = await stage.done;
        if (measurement === undefined) task.skip("stopped");
        else task.title = `${task.title} ${summaryOf(measurement)}`;
      },
    })),
    {
      renderer: isTerminal ? "default" : "simple",
      rendererOptions: { logger },
      // The command itself handles signals.
      registerSignalListeners: false,
    },
  );
  const shown = tasks.run();
  const endAll = () => {
    for (const stage of stages.values()) {
      stage.begin();
      stage.end(undefined);
    }
  };
  const result = run({
    onProgress: ({ transport, measurement }: LabProgress) => {
      const stage = stages.get(transport);
      stage?.begin();
      if (measurement) stage?.end(measurement);
    },
    onSample: (sample) => stages.get(sample.transport)?.onSample?.(sample),
  }).finally(endAll);
  const [outcome] = await Promise.all([result, shown]);
  return outcome;
}

function createStage(): Stage {
  let begin = () => {};
  let end: Stage["end"] = () => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const done = new Promise<LabMeasurement | undefined>((resolve) => {
    end = resolve;
  });
  return { begun, done, begin, end };
}

const barWidth = 24;

/** Of one transport, such as `██████░░░░ 52 %  measuring  5 s left  200 users  …`. */
export function progressLine({ phase, progress, secondsLeft, opened, window }: LabSample): string {
  const filled = Math.round(progress * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  const figures = window ? `  server ${Math.round(window.serverCorePercent)} % of a core` : "";
  const share = `${Math.round(progress * 100)} %`.padStart(5);
  return `${bar} ${share}  ${phase}, ${Math.ceil(secondsLeft)} s left  ${formatCount(opened)} users${figures}`;
}

function summaryOf({ latency, sequences }: LabMeasurement): string {
  const lost = sequences.missed > 0 ? `, missed ${formatCount(sequences.missed)}` : "";
  return latency.p50Ms === null ? "– done" : `– half within ${formatMs(latency.p50Ms)}${lost}`;
}
