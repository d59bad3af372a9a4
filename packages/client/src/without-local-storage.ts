/**
 * For Node.js, which warns on standard error (26.12 and later) when the SDK looks into a `localStorage` for its debug
 * switch. There is nothing to be found in it.
 */
export function withoutLocalStorage<T>(run: () => T): T {
  const own = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  if (own?.get === undefined || own.configurable !== true) return run();
  Object.defineProperty(globalThis, "localStorage", { value: undefined, configurable: true });
  try {
    return run();
  } finally {
    Object.defineProperty(globalThis, "localStorage", own);
  }
}
