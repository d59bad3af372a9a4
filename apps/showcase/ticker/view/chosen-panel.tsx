/** The chosen symbol: its newest price, and the last two minutes. */
import { useEffect, useReducer } from "preact/hooks";
import { changeOf } from "../model/quote-book.js";
import type { Ticker } from "../model/ticker.js";
import { Chart } from "./chart.js";
import type { ChartSpec } from "./draw-chart.js";
import { formatChange, formatPrice } from "./format.js";

const spec: ChartSpec = {
  lines: [{ label: "Price", colour: "--accent", isFilled: true }],
  ...{ format: formatPrice, height: 260, hasLegend: true },
};

export function ChosenPanel({ ticker }: { ticker: Ticker }) {
  const [, paint] = useReducer<number, undefined>((count) => count + 1, 0);
  useEffect(() => ticker.onPrices(() => paint(undefined)), [ticker]);
  const row = ticker.book.rows.get(ticker.chosen ?? "");
  return (
    <section class="panel chosen-panel" aria-labelledby="chosen-heading">
      <div class="chosen-head">
        <h2 id="chosen-heading" class="panel-heading">
          {row ? row.name : "Chosen symbol"}
        </h2>
        {row && (
          <p class="chosen-figures" data-testid="chosen">
            <span class="symbol-code">{row.symbol}</span> <strong>{formatPrice(row.price)}</strong>{" "}
            <span class="soft">{formatChange(changeOf(row))}</span>
          </p>
        )}
      </div>
      <Chart
        spec={spec}
        columns={() => ticker.prices.columns}
        onChange={(listener) => ticker.onPrices(listener)}
        label={`Chart of the price of ${row?.name ?? "the chosen symbol"} over the last two minutes`}
      />
    </section>
  );
}
