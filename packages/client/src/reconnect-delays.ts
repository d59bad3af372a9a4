/** How long the SDK waits before an attempt to connect, which it keeps to itself. */
import type { Centrifuge } from "centrifuge";

/** Overhears the SDK's own answer. Should a version name that differently, nobody is told, and nothing else changes. */
export function overhearDelays(sdk: Centrifuge, listener: (delayMs: number) => void): void {
  const internals = sdk as unknown as { _getReconnectDelay?: () => number };
  const original = internals._getReconnectDelay;
  if (typeof original !== "function") return;
  internals._getReconnectDelay = () => {
    const delayMs = original.call(sdk);
    listener(delayMs);
    return delayMs;
  };
}
