/** The way from each page to all others. On narrow screens it scrolls sideways in one line. */

import { sitePages } from "./site-pages.js";

/** Of a page in a folder of its own. */
export function SiteNav() {
  const { pathname, search } = location;
  const [, current] = /([a-z]+\/)(?:index\.html)?$/.exec(pathname) ?? [];
  // `?as=` is who this window is; other pages of it are the same person's.
  const as = new URLSearchParams(search).get("as");
  const query = as === null ? "" : `?${new URLSearchParams({ as })}`;
  return (
    <nav class="site-nav" aria-label="Pages">
      <ul>
        {sitePages.map(({ path, title }) => (
          <li key={path}>
            <a href={`../${path}${query}`} aria-current={path === current ? "page" : undefined}>
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
