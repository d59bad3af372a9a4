/** The frame of the console: the way between its views, how the line to the server is, and whose key it is. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { useChanges } from "../../showcase/shared/hooks.js";
import { Icon } from "../../showcase/shared/icon.js";
import type { Access, AccessState } from "../model/access.js";
import { linkTo, type Place, type View } from "../model/place.js";
import { ChannelView } from "./channel-view.js";
import { ChannelsView } from "./channels-view.js";
import { ConfigView } from "./config-view.js";
import { ConnectionView } from "./connection-view.js";
import { ConnectionsView } from "./connections-view.js";
import { Entrance } from "./entrance.js";
import { usePlace } from "./hooks.js";
import { NodesView } from "./nodes-view.js";
import { Overview } from "./overview.js";
import { WhyView } from "./why-view.js";

const entries: readonly { readonly view: View; readonly title: string; readonly also?: View }[] = [
  { view: "overview", title: "Overview" },
  { view: "channels", title: "Channels", also: "channel" },
  { view: "connections", title: "Connections", also: "connection" },
  { view: "why", title: "Why" },
  { view: "nodes", title: "Nodes" },
  { view: "config", title: "Configuration" },
];

export function App({ access }: { access: Access }) {
  useChanges(access);
  const place = usePlace();
  const { current } = access;
  if (current.state !== "inside") return <Entrance access={access} />;
  return (
    <Frame access={access} inside={current} place={place}>
      <Shown access={access} api={current.api} place={place} />
    </Frame>
  );
}

type Inside = Extract<AccessState, { state: "inside" }>;

interface FrameProps {
  access: Access;
  inside: Inside;
  place: Place;
  children: ComponentChildren;
}

function Frame({ access, inside: { name, scope }, place, children }: FrameProps) {
  const main = useRef<HTMLElement>(null);
  const shown = `${place.view} ${place.name}`;
  const wasShown = useRef(shown);
  useEffect(() => {
    const entry = entries.find(({ view, also }) => view === place.view || also === place.view);
    document.title = `${place.name || entry?.title} · Holdfast console`;
    const link = document.querySelector('.site-nav [aria-current="page"]');
    link?.scrollIntoView({ block: "nearest", inline: "center" });
    if (wasShown.current === shown) return;
    wasShown.current = shown;
    scrollTo(0, 0);
    focusTitle(main.current);
  }, [shown]);
  return (
    <div class="page">
      <header>
        <button type="button" class="skip" onClick={() => focusTitle(main.current)}>
          Skip to the view
        </button>
        <div class="page-header console-header">
          <BrandMark />
          <nav class="site-nav" aria-label="Views">
            <ul>
              {entries.map(({ view, title, also }) => (
                <li key={view}>
                  <a
                    href={linkTo(view)}
                    aria-current={place.view === view || place.view === also ? "page" : undefined}
                  >
                    {title}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
          <div class="console-me">
            <span class="console-key" title={`Key ${name}, scope ${scope}`}>
              {name} <span class="console-scope">{scope}</span>
            </span>
            <button
              type="button"
              class="icon-button"
              aria-label="Leave"
              title="Leave: this tab forgets the key"
              onClick={() => access.leave()}
            >
              <Icon name="exit" />
            </button>
          </div>
        </div>
        <div role="status">
          {!access.isReachable && (
            <p class="offline">The server cannot be reached. What you see is not current; trying again …</p>
          )}
        </div>
      </header>
      <main class="console-main" ref={main}>
        {children}
      </main>
    </div>
  );
}

/** Where a person who listens, or goes on by keyboard, is now. A link could not: the address names the view. */
function focusTitle(main: HTMLElement | null): void {
  main?.querySelector<HTMLElement>("h1")?.focus();
}

export function BrandMark() {
  return (
    <a class="brand" href="#/overview">
      <svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 2v8" />
        <path d="M12 10c0 5-7 4-7 9.5" />
        <path d="M12 10c0 5 7 4 7 9.5" />
        <path d="M12 10v9.5" />
        <path d="M2 21.5h20" />
      </svg>
      <span class="brand-name">Holdfast</span>
      <span class="unseen">console</span>
    </a>
  );
}

function Shown({
  access,
  api,
  place: { view, name, query },
}: { place: Place } & Parameters<typeof Overview>[0]) {
  const props = { access, api };
  switch (view) {
    case "channels":
      return <ChannelsView {...props} search={query.search ?? ""} />;
    case "channel":
      return <ChannelView key={name} {...props} name={name} />;
    case "connections":
      return <ConnectionsView {...props} query={query} />;
    case "connection":
      return <ConnectionView key={name} {...props} client={name} />;
    case "why":
      return <WhyView {...props} query={query} />;
    case "nodes":
      return <NodesView {...props} />;
    case "config":
      return <ConfigView {...props} />;
    default:
      return <Overview {...props} />;
  }
}
