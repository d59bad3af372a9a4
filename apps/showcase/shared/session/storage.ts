/**
 * What this browser keeps for a person, under one prefix, so that two people can share a browser. A browser may refuse
 * storage (private windows, full disks): then everything is kept for as long as the page is open.
 */

/** The part of the Web Storage API that is used. */
export interface StorageArea {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export class PageStorage {
  readonly #area: StorageArea | undefined;
  readonly #prefix: string;
  /** What the browser refused to keep. */
  readonly #unkept = new Map<string, string>();

  constructor(area: StorageArea | undefined, prefix: string) {
    this.#area = area;
    this.#prefix = prefix;
  }

  /** The value kept under a key; undefined when there is none, or none that can be read as JSON. */
  read(key: string): unknown {
    try {
      const text = this.#unkept.get(key) ?? this.#area?.getItem(this.#prefix + key) ?? null;
      return text === null ? undefined : JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  write(key: string, value: unknown): void {
    const text = JSON.stringify(value);
    try {
      if (!this.#area) throw new Error("no storage");
      this.#area.setItem(this.#prefix + key, text);
      this.#unkept.delete(key);
    } catch {
      this.#unkept.set(key, text);
    }
  }

  remove(key: string): void {
    this.#unkept.delete(key);
    try {
      this.#area?.removeItem(this.#prefix + key);
    } catch {
      // Storage that can't be written holds nothing that needs removing.
    }
  }

  /** Forgets everything under the prefix. */
  clear(): void {
    for (const key of this.keys("")) this.remove(key);
  }

  /** The keys that start with `start`, in no particular order. */
  keys(start: string): string[] {
    const found = new Set([...this.#unkept.keys()].filter((key) => key.startsWith(start)));
    try {
      for (let index = 0; index < (this.#area?.length ?? 0); index++) {
        const key = this.#area?.key(index);
        if (key?.startsWith(this.#prefix + start)) found.add(key.slice(this.#prefix.length));
      }
    } catch {
      // As above.
    }
    return [...found];
  }
}

/** Even naming the storage throws where a browser refuses it. */
export function storageAreaOf(name: () => StorageArea): StorageArea | undefined {
  try {
    return name();
  } catch {
    return undefined;
  }
}
