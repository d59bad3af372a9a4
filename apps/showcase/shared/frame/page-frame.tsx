/** What every page has around it: the way to the others, how the line is, the tools, and who one is. */
import type { ComponentChildren } from "preact";
import { Brand } from "../brand.js";
import { useChanges } from "../hooks.js";
import { Icon } from "../icon.js";
import { LineTools } from "../inside/line-tools.js";
import { ConnectionBadge } from "../line/connection-badge.js";
import { SiteNav } from "../site-nav.js";
import type { Visit } from "./visit.js";

export interface PageFrameProps {
  visit: Visit;
  /** Beside the brand. */
  page: string;
  /** Of the page; what it shows follows. */
  title: string;
  /** One or two sentences, on what there is to see and to try. */
  lead: ComponentChildren;
  children: ComponentChildren;
}

export function PageFrame({ visit, page, title, lead, children }: PageFrameProps) {
  useChanges(visit);
  return (
    <div class="page">
      <header class="page-header">
        <Brand page={page} />
        <SiteNav />
        <div class="page-me">
          <span class="page-me-name">{visit.account.name}</span>
          <button
            type="button"
            class="icon-button"
            aria-label="Log out"
            title="Log out"
            onClick={() => visit.logOut()}
          >
            <Icon name="exit" />
          </button>
        </div>
      </header>
      <main class="page-main">
        <div class="page-top">
          <div class="page-intro">
            <h1 class="page-title">{title}</h1>
            <p class="page-lead">{lead}</p>
          </div>
          <div class="page-line">
            <ConnectionBadge status={visit.line.status} onTryNow={() => visit.line.tryNow()} />
            <LineTools devtools={visit.line.devtools} />
          </div>
        </div>
        {children}
      </main>
    </div>
  );
}
