/** The child's end of asks between processes. Children end with whoever has started them, however that ends. */

type Answers<A> = {
  [K in keyof A]: A[K] extends { readonly params: infer P; readonly answer: infer R }
    ? (params: P) => R | Promise<R>
    : never;
};

interface Ask {
  readonly ask: string;
  readonly id: number;
  readonly params: unknown;
}

/** Ctrl+C goes to all processes of a terminal; the first of them says when it is over. */
export function endWithParent(): void {
  if (process.send === undefined) throw new Error("this is started by holdfast lab, and not by itself");
  // A parent that was gone while modules were loading has said so to nobody.
  if (!process.connected) process.exit(0);
  process.on("disconnect", () => process.exit(0));
  process.on("SIGINT", () => {});
}

export function answerAsks<A extends object>(answers: Answers<A>): void {
  process.on("message", ({ ask, id, params }: Ask) => {
    const answer = (answers as Readonly<Record<string, (params: unknown) => unknown>>)[ask];
    if (answer === undefined) return;
    Promise.resolve()
      .then(() => answer(params))
      .then(
        (value) => say({ id, value }),
        (error: unknown) => say({ id, error: error instanceof Error ? error.message : String(error) }),
      );
  });
}

/** Nobody is there to hear it where the other end is gone, and then this process ends as well. */
export function say(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
