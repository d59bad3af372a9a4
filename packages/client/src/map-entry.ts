/** A map's keys and values as this client's listeners get them, and their order. */
import type { MapEntry as SdkMapEntry } from "centrifuge";
import { type Publication, toPublication } from "./publication.js";

/** A key and its value. */
export interface MapEntry<Data = unknown> extends Publication<Data> {
  readonly key: string;
}

export type MapChange<Data = unknown> =
  /** All of them are new: the first time, and after a break that was too long to be told of. */
  | { readonly kind: "reset" }
  | { readonly kind: "set"; readonly entry: MapEntry<Data> }
  | { readonly kind: "remove"; readonly key: string };

export function toMapEntry(context: SdkMapEntry): MapEntry {
  return { ...toPublication(context), key: context.key };
}

/** By a number made of the data, the highest first, and then by key. */
export function compareBy<Data>(orderBy: ((data: Data) => number) | undefined) {
  return (a: MapEntry<Data>, b: MapEntry<Data>): number => {
    const difference = orderBy === undefined ? 0 : orderBy(b.data) - orderBy(a.data);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
    return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
  };
}
