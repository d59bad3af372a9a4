/**
 * Has the rows of a list go to their new places instead of jumping there: where each was, where it is now, and the way
 * between the two (first, last, invert, play). Nothing moves for people who want no motion.
 */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const moveMs = 350;

/** For a list whose items have a `data-key`. */
export function useFlip(list: RefObject<HTMLElement | null>): void {
  const before = useRef<ReadonlyMap<string, number>>(new Map());
  useLayoutEffect(() => {
    const items = [...(list.current?.children ?? [])] as HTMLElement[];
    const tops = new Map(items.map((item) => [item.dataset.key ?? "", item.offsetTop]));
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const item of items) {
      const key = item.dataset.key ?? "";
      const from = before.current.get(key);
      const way = (from ?? 0) - (tops.get(key) ?? 0);
      if (isCalm || from === undefined || way === 0) continue;
      item.animate([{ transform: `translateY(${way}px)` }, { transform: "none" }], {
        duration: moveMs,
        easing: "cubic-bezier(0.2, 0.7, 0.2, 1)",
      });
    }
    before.current = tops;
  });
}
