/**
 * Who may do what where an application does not say. One table: applications are compiled by it, and
 * docs/reference/permissions.md is made of it.
 */
import type { ChannelAction } from "../sessions/application.js";
import type { Access } from "./access.js";

/** What the defaults depend on. */
export interface Circumstances {
  /** The application has `authenticate`. */
  readonly hasAuthenticate: boolean;
  /** The channel is the application's `personalChannel`. */
  readonly isPersonal: boolean;
  /** The channel has a schema, or a `publish` hook. */
  readonly isForClients: boolean;
}

export interface AccessDefault {
  /** When it counts, for people; undefined where it counts in all other cases. */
  readonly where?: string;
  readonly counts: (circumstances: Circumstances) => boolean;
  readonly access: Access;
}

const always = () => true;

const everybody: readonly AccessDefault[] = [
  {
    where: "the application has no `authenticate`",
    counts: ({ hasAuthenticate }) => !hasAuthenticate,
    access: "all",
  },
  { counts: always, access: "users" },
];

/** The first that counts. `rpc` is for methods of the application. */
export const accessDefaults: Readonly<Record<ChannelAction | "rpc", readonly AccessDefault[]>> =
  Object.freeze({
    subscribe: [
      // What is for one user is nobody else's to ask for; the server subscribes that user.
      { where: "it is the `personalChannel`", counts: ({ isPersonal }) => isPersonal, access: false },
      ...everybody,
    ],
    publish: [
      {
        where: "the channel has a schema or a `publish` hook",
        counts: ({ isForClients }) => isForClients,
        access: "subscribers",
      },
      { counts: always, access: false },
    ],
    presence: [{ counts: always, access: "subscribers" }],
    history: [{ counts: always, access: "subscribers" }],
    rpc: everybody,
  });

export function accessByDefault(action: ChannelAction | "rpc", circumstances: Circumstances): Access {
  return accessDefaults[action].find(({ counts }) => counts(circumstances))?.access ?? false;
}
