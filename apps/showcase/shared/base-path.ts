/**
 * Where the paths of the server begin: below the prefix that a proxy, or the server's `basePath`, has given to all of them.
 * Each page has a folder there.
 * @param page the path of the page
 */
export function basePathOf(page = pathOfPage()): string {
  return page.replace(/[^/]+\/[^/]*$/, "");
}

/** Outside of browsers there is none. */
function pathOfPage(): string {
  const { location } = globalThis as { readonly location?: { readonly pathname: string } };
  return location?.pathname ?? "/";
}
