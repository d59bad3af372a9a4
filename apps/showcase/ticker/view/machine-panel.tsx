/** This machine's own meters: three charts of the last minutes. */
import type { Ticker } from "../model/ticker.js";
import type { Metric } from "../server/ticker-types.js";
import { Chart } from "./chart.js";
import type { ChartSpec } from "./draw-chart.js";
import { formatGigabytes, formatKilobytes, formatPercent } from "./format.js";

interface Meter {
  readonly metric: Metric;
  readonly title: string;
  readonly names: readonly string[];
  /** What values are divided by. */
  readonly unit: number;
  readonly spec: ChartSpec;
  /** The newest, in words. */
  readonly tell: (values: Readonly<Record<string, number>>) => string;
}

const height = 150;
const meters: readonly Meter[] = [
  {
    ...{ metric: "load", title: "Processor", names: ["busy"], unit: 1 },
    spec: {
      lines: [{ label: "Busy", colour: "--accent", isFilled: true }],
      ...{ format: formatPercent, height, range: [0, 100] },
    },
    tell: ({ busy = 0 }) => `${formatPercent(busy)} busy`,
  },
  {
    ...{ metric: "memory", title: "Memory", names: ["used", "total"], unit: 1e9 },
    spec: {
      lines: [
        { label: "Used", colour: "--link", isFilled: true },
        { label: "In all", colour: "--line-strong", isDashed: true },
      ],
      ...{ format: formatGigabytes, height },
    },
    tell: ({ used = 0, total = 0 }) =>
      `${formatGigabytes(used / 1e9)} of ${formatGigabytes(total / 1e9)} used`,
  },
  {
    ...{ metric: "network", title: "Network", names: ["received", "sent"], unit: 1000 },
    spec: {
      lines: [
        { label: "Received", colour: "--link" },
        { label: "Sent", colour: "--accent", isDashed: true },
      ],
      ...{ format: formatKilobytes, height },
    },
    tell: ({ received = 0, sent = 0 }) =>
      `${formatKilobytes(received / 1000)} in, ${formatKilobytes(sent / 1000)} out`,
  },
];

export function MachinePanel({ ticker }: { ticker: Ticker }) {
  return (
    <section class="machine" aria-labelledby="machine-heading">
      <h2 id="machine-heading" class="panel-heading">
        This machine, measured each second
      </h2>
      <div class="meters">
        {meters.map((meter) => (
          <MeterCard key={meter.metric} ticker={ticker} meter={meter} />
        ))}
      </div>
    </section>
  );
}

function MeterCard({ ticker, meter }: { ticker: Ticker; meter: Meter }) {
  const { machine } = ticker;
  const { metric, title, names, unit, spec, tell } = meter;
  const series = machine.series[metric];
  const { latest } = series;
  const news = latest
    ? tell(latest.values)
    : machine.isSilent(metric)
      ? "not available on this machine"
      : "measuring …";
  return (
    <article class="panel meter" data-testid={`meter-${metric}`}>
      <h3 class="meter-title">{title}</h3>
      <p class="meter-news">{news}</p>
      <Chart
        spec={spec}
        columns={() => series.columns(names, unit)}
        onChange={(listener) => ticker.onChange(listener)}
        label={`Chart of the last minutes. Now: ${news}`}
      />
      {spec.lines.length > 1 && (
        <ul class="meter-key" aria-hidden="true">
          {spec.lines.map((line) => (
            <li
              key={line.label}
              class={line.isDashed ? "dashed" : ""}
              style={{ color: `var(${line.colour})` }}
            >
              <span>{line.label}</span>
            </li>
          ))}
        </ul>
      )}
    </article>
  );
}
