/** All symbols, with a search and an order: by keyboard, too. */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
import { useNow } from "../../shared/hooks.js";
import { changeOf, type Order, type SortKey, symbolsInOrder } from "../model/quote-book.js";
import type { Ticker } from "../model/ticker.js";
import { Sparkline } from "./chart.js";
import { formatChange, formatPrice } from "./format.js";

const columns: readonly { readonly by: SortKey; readonly label: string }[] = [
  { by: "symbol", label: "Symbol" },
  { by: "price", label: "Price" },
  { by: "change", label: "Change" },
];

export function QuoteTable({ ticker }: { ticker: Ticker }) {
  const [search, setSearch] = useState("");
  const [order, setOrder] = useState<Order>({ by: "symbol", isDescending: false });
  const scroller = useRef<HTMLElement>(null);
  const [observer, setObserver] = useState<IntersectionObserver>();
  // An order by what changes is made anew each half second, and not with each change.
  useNow(order.by !== "symbol");
  useEffect(() => {
    const made = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const { symbol } = (target as HTMLElement).dataset;
          if (symbol !== undefined) ticker.painter.setVisible(symbol, isIntersecting);
        }
      },
      { root: scroller.current, rootMargin: "40px" },
    );
    setObserver(made);
    return () => made.disconnect();
  }, [ticker]);
  const symbols = symbolsInOrder(ticker.book.rows.values(), search, order);
  const entry = symbols.includes(ticker.chosen ?? "") ? ticker.chosen : symbols[0];
  return (
    <section class="panel quotes" aria-labelledby="quotes-heading">
      <div class="quotes-head">
        <h2 id="quotes-heading" class="panel-heading">
          Symbols
        </h2>
        <span class="tag">Generated</span>
        <input
          class="field quotes-search"
          type="search"
          placeholder="Search"
          aria-label="Search a symbol or a name"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      </div>
      <p class="unseen" role="status">
        {search === "" ? "" : `${symbols.length} found`}
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also with the keyboard alone */}
      <section ref={scroller} class="quotes-scroller" tabIndex={0} aria-label="Prices">
        <table class="quotes-table">
          <thead>
            <tr>
              {columns.map(({ by, label }) => (
                <SortHeader key={by} by={by} label={label} order={order} onOrder={setOrder} />
              ))}
              <th scope="col" class="spark">
                <span class="unseen">The last seconds</span>
              </th>
            </tr>
          </thead>
          <tbody onKeyDown={moveByArrows}>
            {symbols.map((symbol) => (
              <QuoteRow
                key={symbol}
                {...{ ticker, symbol, observer }}
                isChosen={symbol === ticker.chosen}
                isEntry={symbol === entry}
              />
            ))}
          </tbody>
        </table>
        {symbols.length === 0 && (
          <p class="soft quotes-none">{ticker.feed ? "No symbol matches." : "Loading prices …"}</p>
        )}
      </section>
    </section>
  );
}

interface SortHeaderProps {
  by: SortKey;
  label: string;
  order: Order;
  onOrder: (order: Order) => void;
}

function SortHeader({ by, label, order, onOrder }: SortHeaderProps) {
  const isCurrent = order.by === by;
  const { isDescending } = order;
  // Figures are asked for from the highest on, first.
  const next = useMemo(
    () => ({ by, isDescending: isCurrent ? !isDescending : by !== "symbol" }),
    [by, isCurrent, isDescending],
  );
  return (
    <th scope="col" class={by} aria-sort={isCurrent ? (isDescending ? "descending" : "ascending") : "none"}>
      <button type="button" class="sort" onClick={() => onOrder(next)}>
        {label}
        <span aria-hidden="true">{isCurrent ? (isDescending ? " ↓" : " ↑") : ""}</span>
      </button>
    </th>
  );
}

/** Arrows lead from row to row, as in a list. */
function moveByArrows(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>("button.symbol")];
  const place = rows.indexOf(document.activeElement as HTMLElement);
  const places: Readonly<Record<string, number>> = {
    ArrowDown: Math.min(place + 1, rows.length - 1),
    ArrowUp: Math.max(place - 1, 0),
    Home: 0,
    End: rows.length - 1,
  };
  const to = places[event.key];
  if (place < 0 || to === undefined) return;
  event.preventDefault();
  rows[to]?.focus();
}

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
