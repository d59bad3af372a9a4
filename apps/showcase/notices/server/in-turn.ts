/** Carries out what belongs to one person one after the other, and that of others meanwhile. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Persons of whom something is under way. */
  get size(): number {
    return this.#last.size;
  }

  async run<Result>(person: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(person) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.#last.set(person, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(person) === mine) this.#last.delete(person);
    }
  }
}
