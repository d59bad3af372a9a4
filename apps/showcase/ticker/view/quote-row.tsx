/** One symbol: drawn by itself when it has changed, which most of the time only few have. */
import { useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { changeOf } from "../model/quote-book.js";
import type { Ticker } from "../model/ticker.js";
import { formatChange, formatPrice } from "./format.js";
import { Sparkline } from "./sparkline.js";

export interface QuoteRowProps {
  ticker: Ticker;
  symbol: string;
  isChosen: boolean;
  /** Whether the Tab key gets to it; arrows do to the others. */
  isEntry: boolean;
  observer: IntersectionObserver | undefined;
}

const arrows = { 1: "▲", 0: "", [-1]: "▼" } as const;
const words = { 1: "up", 0: "", [-1]: "down" } as const;

export function QuoteRow({ ticker, symbol, isChosen, isEntry, observer }: QuoteRowProps) {
  const [, paint] = useReducer<number, undefined>((count) => count + 1, 0);
  const element = useRef<HTMLTableRowElement>(null);
  useLayoutEffect(() => ticker.painter.listen(symbol, () => paint(undefined)), [ticker, symbol]);
  useLayoutEffect(() => {
    const row = element.current;
    if (!row || !observer) return;
    observer.observe(row);
    return () => {
      observer.unobserve(row);
      ticker.painter.setVisible(symbol, false);
    };
  }, [observer, symbol]);
  const row = ticker.book.rows.get(symbol);
  if (!row) return null;
  const { name, price, direction, recent } = row;
  const change = changeOf(row);
  const light = ticker.painter.isLit(symbol) ? `lit ${words[direction]}` : "";
  return (
    <tr ref={element} data-symbol={symbol} class={isChosen ? "chosen" : ""}>
      <th scope="row">
        <button
          type="button"
          class="symbol"
          aria-pressed={isChosen}
          tabIndex={isEntry ? 0 : -1}
          onClick={() => ticker.choose(symbol)}
        >
          <span class="symbol-code">{symbol}</span>
          <span class="symbol-name">{name}</span>
        </button>
      </th>
      <td class={`price ${light}`}>
        <span class={`arrow ${words[direction]}`} aria-hidden="true">
          {arrows[direction]}
        </span>
        {formatPrice(price)}
      </td>
      <td class={`change ${change < 0 ? "down" : "up"}`}>{formatChange(change)}</td>
      <td class="spark">
        <Sparkline values={recent} />
      </td>
    </tr>
  );
}
