/** All symbols, with a search and an order: by keyboard, too. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useNow } from "../../shared/hooks.js";
import { type Order, type SortKey, symbolsInOrder } from "../model/quote-book.js";
import type { Ticker } from "../model/ticker.js";
import { QuoteRow } from "./quote-row.js";

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
          <p class="soft quotes-none">
            {ticker.feed ? "No symbol is called so." : "Asking for the prices …"}
          </p>
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
