/**
 * How one gets in: asks the server who this browser is, logs in under a name, and out. The cookie that stands for it is the
 * server's; this page never sees it.
 */
import { nameProblem, tidyName } from "../../server/text-rules.js";
import { basePathOf } from "../base-path.js";
import { nameFromSearch } from "./identity.js";
import type { PageStorage } from "./storage.js";

/** Who the server says this is. */
export interface Account {
  user: string;
  name: string;
}

export type EntranceState =
  | { state: "asking" }
  /** The server runs without the chat's application. */
  | { state: "absent" }
  | { state: "unreachable" }
  | { state: "outside"; problem: string | undefined }
  | { state: "inside"; account: Account };

/** What the server answers: an account, nobody, or why not. */
export type EntranceAnswer = { account: Account | null } | { problem: string } | { missing: true };

export interface EntranceLink {
  /** All reject when there is no answer. */
  me(): Promise<EntranceAnswer>;
  logIn(name: string): Promise<EntranceAnswer>;
  logOut(): Promise<unknown>;
}

export interface EntranceOptions {
  link: EntranceLink;
  storage: PageStorage;
  /** The query of the page's address. */
  search: string;
  onChange: () => void;
}

const unreachable = "The server does not answer.";

export class Entrance {
  #current: EntranceState = { state: "asking" };
  readonly #options: EntranceOptions;

  constructor(options: EntranceOptions) {
    this.#options = options;
  }

  get current(): EntranceState {
    return this.#current;
  }

  /** The name this browser had last. */
  get lastName(): string | undefined {
    const { storage, search } = this.#options;
    const kept = storage.read("name");
    return typeof kept === "string" && nameProblem(kept) === undefined ? kept : nameFromSearch(search);
  }

  /** Asks who this is. An address with `?as=NAME` logs in at once. */
  async open(): Promise<void> {
    this.#become({ state: "asking" });
    const answer = await this.#options.link.me().catch(() => undefined);
    if (answer === undefined || "problem" in answer) return this.#become({ state: "unreachable" });
    if ("missing" in answer) return this.#become({ state: "absent" });
    if (answer.account) return this.#enter(answer.account);
    const { search } = this.#options;
    if (nameFromSearch(search) === undefined || this.lastName === undefined)
      return this.#become({ state: "outside", problem: undefined });
    await this.logIn(this.lastName);
  }

  /** The server knows this session no more: one that kept it in memory and was restarted. The same name is asked for again. */
  async returnTo({ name }: Account): Promise<void> {
    const answer = await this.#options.link.me().catch(() => undefined);
    if (answer && "account" in answer && answer.account) return this.#enter(answer.account);
    await this.logIn(name);
  }

  /** @returns what is wrong, if anything; then one stays where one is */
  async logIn(name: string): Promise<string | undefined> {
    const wrong = nameProblem(name) ?? (await this.#tryName(tidyName(name)));
    if (wrong !== undefined && this.#current.state !== "inside")
      this.#become({ state: "outside", problem: wrong });
    return wrong;
  }

  /** Whoever is not let in any more goes back to the door. */
  leave(problem?: string): void {
    this.#become({ state: "outside", problem });
  }

  /** Stays inside where the server cannot be told, since the session would go on. */
  async logOut(): Promise<void> {
    const isDone = await this.#options.link.logOut().then(
      () => true,
      () => false,
    );
    if (!isDone) return;
    this.#options.storage.clear();
    this.leave();
  }

  async #tryName(name: string): Promise<string | undefined> {
    const answer = await this.#options.link.logIn(name).catch(() => ({ problem: unreachable }));
    if ("problem" in answer) return answer.problem;
    if ("missing" in answer || answer.account === null) return unreachable;
    this.#enter(answer.account);
    return undefined;
  }

  #enter(account: Account): void {
    this.#options.storage.write("name", account.name);
    this.#become({ state: "inside", account });
  }

  #become(state: EntranceState): void {
    this.#current = state;
    this.#options.onChange();
  }
}

/** @param search the query of the page's address; `as` in it names a session of its own */
export function createLoginLink(search: string): EntranceLink {
  const as = new URLSearchParams(search).get("as");
  const query = as === null ? "" : `?${new URLSearchParams({ as })}`;
  const post = (path: string, body: object) =>
    fetch(`${basePathOf()}${path}${query}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  return {
    me: async () => await read(await fetch(`${basePathOf()}me${query}`, { cache: "no-store" })),
    logIn: async (name) => await read(await post("login", { name })),
    logOut: async () => await post("logout", {}),
  };
}

async function read(response: Response): Promise<EntranceAnswer> {
  if (response.status === 404 || response.status === 405) return { missing: true };
  const answer = (await response.json()) as { session?: Account | null; error?: string };
  if (response.ok && answer.session !== undefined) return { account: answer.session };
  return { problem: answer.error ?? `The server answered with ${response.status}.` };
}
