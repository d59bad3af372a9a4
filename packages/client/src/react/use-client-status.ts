/** How the connection stands, for components that show it. */
import { useCallback, useSyncExternalStore } from "react";
import type { App } from "../../../holdfast/src/app/define-app.js";
import type { Client, ClientStatus } from "../index.js";

/** Renders again with each change. */
export function useClientStatus<A extends App>(client: Client<A>): ClientStatus {
  const subscribe = useCallback((onChange: () => void) => client.onStatus(onChange), [client]);
  const look = useCallback(() => client.status, [client]);
  return useSyncExternalStore(subscribe, look, look);
}
