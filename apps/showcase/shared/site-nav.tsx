/** The way from each page to all others. On narrow screens it scrolls sideways in one line. */

import { useLayoutEffect, useRef } from "preact/hooks";
import { sitePages } from "./site-pages.js";

/** Of a page in a folder of its own. */
export function SiteNav() {
  const { pathname, search } = location;
  const [, current] = /([a-z]+\/)(?:index\.html)?$/.exec(pathname) ?? [];
  // `?as=` is who this window is; other pages of it are the same person's.
  const as = new URLSearchParams(search).get("as");
  const query = as === null ? "" : `?${new URLSearchParams({ as })}`;
  const list = useRef<HTMLUListElement>(null);
  useLayoutEffect(() => {
    const link = list.current?.querySelector<HTMLElement>("[aria-current]");
    // To the middle, so that the neighbours on both sides are seen.
    if (list.current && link)
      list.current.scrollLeft = link.offsetLeft - (list.current.clientWidth - link.offsetWidth) / 2;
  }, []);
  return (
    <nav class="site-nav" aria-label="Pages">
      <ul ref={list}>
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
