/** The server's HTTP interface, for moderators. */
import { basePathOf } from "../shared/base-path.js";
import type { ApiCall } from "./model/moderator.js";

export const callApi: ApiCall = async (method, params, key) => {
  const response = await fetch(`${basePathOf()}api/${method}`, {
    method: "POST",
    // A header cannot hold other characters, and no key has them.
    headers: { "Content-Type": "application/json", "X-API-Key": key.replace(/[^\x20-\x7e]/g, "") },
    body: JSON.stringify(params),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
