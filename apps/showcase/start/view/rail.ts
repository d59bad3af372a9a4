/** Marks the scene that is on the screen in the list of scenes. */
export function followScenes(): void {
  const links = new Map(
    [...document.querySelectorAll<HTMLAnchorElement>(".rail a")].map((link) => [link.hash.slice(1), link]),
  );
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        for (const [id, link] of links) {
          if (id === target.id) link.setAttribute("aria-current", "true");
          else link.removeAttribute("aria-current");
        }
      }
    },
    // A scene counts from where it has reached the middle of the window.
    { rootMargin: "-45% 0px -50% 0px" },
  );
  for (const scene of document.querySelectorAll(".scene")) observer.observe(scene);
}
