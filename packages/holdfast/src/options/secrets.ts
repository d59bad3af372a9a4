/** What is shown instead of secrets: by `holdfast config`, the console, and the banner. */

export const mask = "********";

/** Up to the last @, since passwords are not always encoded. Several hosts may be named, which no URL parser knows. */
const credentials = /\/\/.*@/;
/** Stores have passwords there, too. */
const query = /\?.*$/;

/** The address of a store, with masks for its user, password and query. */
export function maskAddress(url: string): string {
  return url.replace(query, `?${mask}`).replace(credentials, `//${mask}@`);
}

/** The same, with nothing in their place. */
export function bareAddress(url: string): string {
  return url.replace(query, "").replace(credentials, "//");
}
