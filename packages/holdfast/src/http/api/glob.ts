/**
 * Names by a pattern in which `*` stands for any characters and `?` for one. Clients choose names, so the number of steps
 * is at most the name's length times the pattern's over 32.
 */

const bitsPerWord = 32;

/** @returns what tells whether a name matches; without a pattern, every one does */
export function matcherOf(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined || pattern === "") return () => true;
  const wildcard = pattern.search(/[*?]/);
  if (wildcard < 0) return (name) => name === pattern;
  const head = pattern.slice(0, wildcard);
  const places = new Places(pattern.slice(wildcard));
  return (name) => name.startsWith(head) && places.match(name, head.length);
}

/**
 * All places of a pattern at once, a bit each: how many of its characters, stars not counted, the name may have had so
 * far. (R. Baeza-Yates and G. Gonnet, "A new approach to text searching", 1992.)
 */
class Places {
  readonly #count: number;
  /** By character: the places that it leads on from. */
  readonly #leads = new Map<string, Uint32Array>();
  /** Those that any character leads on from. */
  readonly #anyLeads: Uint32Array;
  /** Those at which a star stands, which any character leaves as they are. */
  readonly #stays: Uint32Array;

  constructor(pattern: string) {
    const characters = pattern.replaceAll("*", "");
    this.#count = characters.length;
    this.#anyLeads = this.#createWords();
    this.#stays = this.#createWords();
    let place = 0;
    for (const character of pattern.split("")) {
      if (character === "*") setBit(this.#stays, place);
      else if (character === "?") setBit(this.#anyLeads, place++);
      else setBit(this.#leadsOf(character), place++);
    }
  }

  match(name: string, from: number): boolean {
    let places = this.#createWords();
    let next = this.#createWords();
    setBit(places, 0);
    for (let i = from; i < name.length; i++) {
      const leads = this.#leads.get(name[i] as string);
      let carry = 0;
      for (let word = 0; word < places.length; word++) {
        const bits = places[word] as number;
        const led = bits & ((leads?.[word] ?? 0) | (this.#anyLeads[word] as number));
        next[word] = (led << 1) | carry | (bits & (this.#stays[word] as number));
        carry = led >>> (bitsPerWord - 1);
      }
      [places, next] = [next, places];
    }
    return hasBit(places, this.#count);
  }

  #leadsOf(character: string): Uint32Array {
    let words = this.#leads.get(character);
    if (words === undefined) {
      words = this.#createWords();
      this.#leads.set(character, words);
    }
    return words;
  }

  #createWords(): Uint32Array {
    return new Uint32Array(Math.floor(this.#count / bitsPerWord) + 1);
  }
}

function setBit(words: Uint32Array, bit: number): void {
  const word = Math.floor(bit / bitsPerWord);
  words[word] = (words[word] as number) | (1 << (bit % bitsPerWord));
}

function hasBit(words: Uint32Array, bit: number): boolean {
  return ((words[Math.floor(bit / bitsPerWord)] as number) & (1 << (bit % bitsPerWord))) !== 0;
}
