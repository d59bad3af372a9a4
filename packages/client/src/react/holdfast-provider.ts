/** The client that a tree of components uses. Whoever made it closes it. */
import { createContext, createElement, type ReactElement, type ReactNode, useContext } from "react";
import type { App } from "../../../holdfast/src/app/define-app.js";
import { HoldfastError } from "../../../holdfast/src/errors.js";
import type { Client } from "../index.js";

/** Without the application, which a context cannot know: `useClient` says it. */
const ClientContext = createContext<unknown>(undefined);

export interface HoldfastProviderProps<A extends App> {
  readonly client: Client<A>;
  readonly children?: ReactNode;
}

export function HoldfastProvider<A extends App>({
  client,
  children,
}: HoldfastProviderProps<A>): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/**
 * The client of the nearest provider.
 * @typeParam A the application it is a client of, which nothing here can check
 * @throws HF_OPTION_INVALID where there is no provider
 */
export function useClient<A extends App = App>(): Client<A> {
  const client = useContext(ClientContext);
  if (client === undefined)
    throw new HoldfastError("HF_OPTION_INVALID", "useClient needs a HoldfastProvider above the component");
  return client as Client<A>;
}
