/** The paths of the server's login. */
import { basePathOf } from "../base-path.js";
import type { Account, EntranceAnswer, EntranceLink } from "./entrance.js";

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
  return { problem: answer.error ?? `The server answers with ${response.status}.` };
}
