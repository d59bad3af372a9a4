/** For Node.js, which warns (26.12 and later) when the SDK looks for its debug flag in `localStorage`. Hides that from the SDK. */
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
