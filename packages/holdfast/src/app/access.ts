/**
 * Who may do something in a channel, or call a method: as words, which a configuration file can hold, too, or as a function; and
 * the defaults, from which docs/reference/permissions.md is made.
 */
import { invalidOption } from "../errors.js";
import type { Actor, ChannelAction } from "../sessions/application.js";
import { toUser, type User } from "./hooks.js";
import type { Params } from "./pattern.js";

/** `all` includes anonymous clients, `users` are clients with a user id, `subscribers` those subscribed to the channel. */
export type AccessWord = "all" | "users" | "subscribers" | `role:${string}`;

/** What an access rule that is a function decides by. */
export interface AccessContext {
  readonly user: User;
  /** Empty for a method. */
  readonly channel: string;
  readonly params: Params;
  readonly isSubscribed: boolean;
}

/** `true` means `all`, `false` means only the server; with a list, one match is enough. A function that throws `reject` says no. */
export type Access =
  | boolean
  | AccessWord
  | readonly AccessWord[]
  | ((context: AccessContext) => boolean | Promise<boolean>);

export interface AccessRequest {
  readonly actor: Actor;
  readonly channel: string;
  readonly params: Params;
  readonly isSubscribed: boolean;
}

export type AccessCheck = (request: AccessRequest) => boolean | Promise<boolean>;

const accepted = 'true, false, "all", "users", "subscribers", "role:NAME", a list of these, or a function';

/** @throws HF_OPTION_INVALID naming the option */
export function compileAccess(option: string, access: Access): AccessCheck {
  if (typeof access === "boolean") return () => access;
  if (typeof access === "function")
    return ({ actor, ...request }) => access({ user: toUser(actor), ...request });
  const words = typeof access === "string" ? [access] : access;
  if (!Array.isArray(words) || words.length === 0 || !words.every(isWord))
    throw invalidOption(option, accepted, JSON.stringify(access));
  return (request) => words.some((word) => matches(word, request));
}

/** Who may do it, in words. */
export function describeAccess(access: Access): string {
  if (access === true) return "everybody";
  if (access === false) return "only the server";
  if (typeof access === "function") return "those whom a function of the application lets";
  const words = typeof access === "string" ? [access] : access;
  return words
    .map((word) => (word === "all" ? "everybody" : word.startsWith("role:") ? `role ${word.slice(5)}` : word))
    .join(", ");
}

function matches(word: AccessWord, { actor, isSubscribed }: AccessRequest): boolean {
  switch (word) {
    case "all":
      return true;
    case "users":
      return actor.user !== "";
    case "subscribers":
      return isSubscribed;
    default:
      return actor.roles.includes(word.slice("role:".length));
  }
}

function isWord(word: unknown): word is AccessWord {
  return (
    word === "all" ||
    word === "users" ||
    word === "subscribers" ||
    (typeof word === "string" && word.startsWith("role:") && word.length > "role:".length)
  );
}

/** What the defaults depend on. */
export interface AccessDefaultsContext {
  /** The application has `authenticate`. */
  readonly hasAuthenticate: boolean;
  /** The channel is the application's `personalChannel`. */
  readonly isPersonal: boolean;
  /** The channel has a schema or a `publish` hook. */
  readonly isForClients: boolean;
}

export interface AccessDefault {
  /** When it applies, for people; undefined for all other cases. */
  readonly where?: string;
  readonly applies: (context: AccessDefaultsContext) => boolean;
  readonly access: Access;
}

const always = () => true;

const everyone: readonly AccessDefault[] = [
  {
    where: "the application has no `authenticate`",
    applies: ({ hasAuthenticate }) => !hasAuthenticate,
    access: "all",
  },
  { applies: always, access: "users" },
];

/** The first that applies is taken. `rpc` stands for methods. */
export const accessDefaults: Readonly<Record<ChannelAction | "rpc", readonly AccessDefault[]>> =
  Object.freeze({
    subscribe: [
      // The server subscribes the one user that it is for.
      { where: "it is the `personalChannel`", applies: ({ isPersonal }) => isPersonal, access: false },
      ...everyone,
    ],
    publish: [
      {
        where: "the channel has a schema or a `publish` hook",
        applies: ({ isForClients }) => isForClients,
        access: "subscribers",
      },
      { applies: always, access: false },
    ],
    presence: [{ applies: always, access: "subscribers" }],
    history: [{ applies: always, access: "subscribers" }],
    rpc: everyone,
  });

export function accessByDefault(action: ChannelAction | "rpc", context: AccessDefaultsContext): Access {
  return accessDefaults[action].find(({ applies }) => applies(context))?.access ?? false;
}
