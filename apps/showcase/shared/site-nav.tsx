/** The way from each page to all others. On narrow screens it scrolls sideways in one line. */

/** In the order in which a visitor meets them; folders of the showcase. */
export const sitePages = [
  { path: "", title: "Story" },
  { path: "chat/", title: "Chat" },
  { path: "leaderboard/", title: "Leaderboard" },
  { path: "canvas/", title: "Canvas" },
  { path: "ticker/", title: "Ticker" },
  { path: "notices/", title: "Notifications" },
  { path: "lab/", title: "Lab" },
] as const;

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
