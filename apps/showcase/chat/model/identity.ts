/** Who this window speaks as: a user id made once, and a name that can change. The server believes both. */
import type { ChatStorage } from "./storage.js";

const maxNameLength = 40;

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

export function tidyName(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
}

/** Says what is wrong with a name; undefined when nothing is. */
export function nameProblem(name: string): string | undefined {
  const tidy = tidyName(name);
  if (tidy === "") return "Please enter a name.";
  if ([...tidy].length > maxNameLength) return `A name can have up to ${maxNameLength} characters.`;
  return undefined;
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

export class Identity {
  readonly user: string;
  /** Undefined until it has been asked for. */
  name: string | undefined;
  readonly #storage: ChatStorage;

  constructor(storage: ChatStorage, search: string, newId: () => string) {
    this.#storage = storage;
    const keptUser = storage.read("user");
    this.user = typeof keptUser === "string" && keptUser !== "" ? keptUser : newId();
    storage.write("user", this.user);
    const keptName = storage.read("name");
    const isUsable = typeof keptName === "string" && nameProblem(keptName) === undefined;
    this.name = isUsable ? keptName : nameFromSearch(search);
  }

  rename(name: string): void {
    this.name = tidyName(name);
    this.#storage.write("name", this.name);
  }
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
