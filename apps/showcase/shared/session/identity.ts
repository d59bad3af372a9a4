/** Names before anybody has logged in: one to suggest, and the one that the address asks for. */
import { nameProblem, tidyName } from "../../server/text-rules.js";

const firstWords = [
  ...["Amber", "Brisk", "Calm", "Clever", "Coral", "Early", "Gentle", "Golden", "Jolly", "Kind", "Lucky"],
  ...["Mellow", "Misty", "Nimble", "Quiet", "Salty", "Silver", "Steady", "Sunny", "Swift", "Tidal", "Windy"],
];
const secondWords = [
  ...["Anchor", "Bay", "Cormorant", "Curlew", "Dolphin", "Eider", "Fulmar", "Gannet", "Harbour", "Heron"],
  ...["Kelp", "Lantern", "Limpet", "Otter", "Pebble", "Petrel", "Puffin", "Sail", "Seal", "Tern", "Urchin"],
];

/** A pleasant name for someone who does not want to think of one. */
export function suggestName(random: () => number): string {
  const pick = (words: string[]) => words[Math.floor(random() * words.length)] ?? words[0];
  return `${pick(firstWords)} ${pick(secondWords)}`;
}

/**
 * The prefix under which this window keeps things. `?as=Name` makes a person of its own, so that two windows of one
 * browser can be two people.
 */
export function storagePrefix(search: string): string {
  const as = nameFromSearch(search);
  return as === undefined ? "holdfast.chat/" : `holdfast.chat/as/${encodeURIComponent(as)}/`;
}

export function nameFromSearch(search: string): string | undefined {
  const as = new URLSearchParams(search).get("as");
  return as === null || nameProblem(as) !== undefined ? undefined : tidyName(as);
}

/** A random UUID, also on pages that did not come over HTTPS, where `crypto.randomUUID` is missing. */
export function newId(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // RFC 9562 §5.4: version 4 in the high half of octet 6, variant 0b10 in the top bits of octet 8.
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
