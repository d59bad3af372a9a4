/** Who may do something in a channel, or call a method: as words, which also a configuration file can hold, or a function. */
import { HoldfastError } from "../errors.js";
import type { Actor } from "../sessions/application.js";
import type { Params } from "./pattern.js";
import { toUser, type User } from "./user.js";

/** `all` includes anonymous clients, `users` are all others, `subscribers` those that are subscribed to the channel. */
export type AccessWord = "all" | "users" | "subscribers" | `role:${string}`;

export interface AccessContext {
  readonly user: User;
  readonly channel: string;
  readonly params: Params;
  readonly isSubscribed: boolean;
}

/** `true` is `all`, `false` is nobody; of several words one is enough. */
export type Access =
  | boolean
  | AccessWord
  | readonly AccessWord[]
  | ((context: AccessContext) => boolean | Promise<boolean>);

export interface AccessQuestion {
  readonly actor: Actor;
  readonly channel: string;
  readonly params: Params;
  readonly isSubscribed: boolean;
}

export type AccessCheck = (question: AccessQuestion) => boolean | Promise<boolean>;

export const accessAdvice =
  'true, false, "all", "users", "subscribers", "role:NAME", a list of these, or a function';

/** @throws HF_OPTION_INVALID naming the option */
export function compileAccess(option: string, access: Access): AccessCheck {
  if (typeof access === "boolean") return () => access;
  if (typeof access === "function")
    return ({ actor, ...question }) => access({ user: toUser(actor), ...question });
  const words = typeof access === "string" ? [access] : access;
  if (!Array.isArray(words) || words.length === 0 || !words.every(isWord)) throw refuse(option, access);
  return (question) => words.some((word) => holds(word, question));
}

function holds(word: AccessWord, { actor, isSubscribed }: AccessQuestion): boolean {
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

function refuse(option: string, value: unknown): HoldfastError {
  return new HoldfastError(
    "HF_OPTION_INVALID",
    `${option} must be ${accessAdvice}, but is ${JSON.stringify(value)}`,
    {
      details: { option },
    },
  );
}
