/** Ties views to the address and to what they load. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useChanges } from "../../showcase/shared/hooks.js";
import type { Later } from "../model/changes.js";
import { type Place, parsePlace } from "../model/place.js";
import { Resource, type ResourceOptions } from "../model/resource.js";

export const later: Later = (delayMs, task) => {
  const timer = setTimeout(task, delayMs);
  return () => clearTimeout(timer);
};

const isVisible = () => document.visibilityState !== "hidden";

export function usePlace(): Place {
  const [place, setPlace] = useState(() => parsePlace(location.hash));
  useEffect(() => {
    const follow = () => setPlace(parsePlace(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return place;
}

export function goTo(link: string): void {
  location.hash = link;
}

/** The same place with another query, without a step of its own in the tab's history. */
export function replacePlace(link: string): void {
  history.replaceState(null, "", link);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/**
 * Loads something and keeps it current for as long as the view is shown.
 * @param key of what is loaded: with another one, the old value stands until the new one is there
 */
export function useResource<T>(key: string, load: ResourceOptions<T>["load"], everyMs?: number): Resource<T> {
  const last = useRef<Resource<T> | undefined>(undefined);
  const resource = useMemo(() => {
    // A list must not vanish for a moment at each letter of a search.
    const initial = last.current?.value;
    const made = new Resource<T>({
      load,
      later,
      isVisible,
      initial,
      ...(everyMs !== undefined && { everyMs }),
    });
    last.current = made;
    return made;
  }, [key]);
  useChanges(resource);
  useEffect(() => {
    resource.refresh();
    return () => resource.stop();
  }, [resource]);
  return resource;
}

/** A text that follows another one after a pause, so that not every letter asks the server. */
export function useSettled(text: string, pauseMs = 300): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => later(pauseMs, () => setSettled(text)), [text]);
  return settled;
}
