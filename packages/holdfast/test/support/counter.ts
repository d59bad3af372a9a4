/** Ids that tests can predict: a-1, a-2 … */
export function createCounter(prefix: string): () => string {
  let count = 0;
  return () => `${prefix}-${++count}`;
}
