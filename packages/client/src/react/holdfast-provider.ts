/** The client of a tree of components, and its status. Whoever made the client closes it. */
import {
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useCallback,
  useContext,
  useSyncExternalStore,
} from "react";
import type { AnyApp } from "../../../holdfast/src/app/app-shape.js";
import { HoldfastError } from "../../../holdfast/src/errors.js";
import type { Client, ClientStatus } from "../index.js";

/** A context cannot be generic: `useClient` names the application. */
const ClientContext = createContext<unknown>(undefined);

export interface HoldfastProviderProps<A extends AnyApp> {
  readonly client: Client<A>;
  readonly children?: ReactNode;
}

export function HoldfastProvider<A extends AnyApp>({
  client,
  children,
}: HoldfastProviderProps<A>): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/**
 * The client of the nearest provider.
 * @typeParam A the application of the client, which is not checked
 * @throws HF_OPTION_INVALID without a provider
 */
export function useClient<A extends AnyApp = AnyApp>(): Client<A> {
  const client = useContext(ClientContext);
  if (client === undefined)
    throw new HoldfastError("HF_OPTION_INVALID", "useClient needs a HoldfastProvider above the component");
  return client as Client<A>;
}

/** The status of a client; renders again with each change. */
export function useClientStatus<A extends AnyApp>(client: Client<A>): ClientStatus {
  const subscribe = useCallback((onChange: () => void) => client.onStatus(onChange), [client]);
  const getStatus = useCallback(() => client.status, [client]);
  return useSyncExternalStore(subscribe, getStatus, getStatus);
}
