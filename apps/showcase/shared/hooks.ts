/** Ties components to what changes outside of them. */
import { useEffect, useLayoutEffect, useReducer, useState } from "preact/hooks";

export interface Changing {
  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Renders the component again after every change of a store. */
export function useChanges(store: Changing): void {
  const [, render] = useReducer<number, undefined>((count) => count + 1, 0);
  // Before anything else can happen: what changes until an effect after painting would go unnoticed.
  useLayoutEffect(() => store.onChange(() => render(undefined)), [store]);
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const update = () => setMatches(list.matches);
    update();
    list.addEventListener("change", update);
    return () => list.removeEventListener("change", update);
  }, [query]);
  return matches;
}

const tickMs = 500;

/** The time, kept current only while `isTicking`. */
export function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    setNow(Date.now());
    if (!isTicking) return;
    const timer = setInterval(() => setNow(Date.now()), tickMs);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}
