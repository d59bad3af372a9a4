/** What every page has around it: the way to the others, how the line is, the tools, and who one is. */
import type { ComponentChildren } from "preact";
import { PageToasts } from "../../notices/view/page-toasts.js";
import { Brand } from "../brand.js";
import { useChanges } from "../hooks.js";
import { Icon } from "../icon.js";
import { LineTools } from "../inside/line-tools.js";
import { ConnectionBadge } from "../line/connection-badge.js";
import { SiteNav } from "../site-nav.js";
import { type PageName, pageHeads } from "./page-heads.js";
import type { Visit } from "./visit.js";

export interface PageFrameProps {
  visit: Visit;
  page: PageName;
  /** A sentence after the lead, on what to try. */
  aside?: ComponentChildren;
  children: ComponentChildren;
}

export function PageFrame({ visit, page, aside, children }: PageFrameProps) {
  const { title, lead } = pageHeads[page];
  useChanges(visit);
  return (
    <div class="page">
      <header class="page-header">
        <Brand page={page} />
        <SiteNav />
        <div class="page-me">
          {visit.isGuest ? (
            <button type="button" class="button small" onClick={() => void visit.askName()}>
              Choose a name
            </button>
          ) : (
            <>
              <span class="page-me-name" dir="auto">
                {visit.account.name}
              </span>
              <button
                type="button"
                class="icon-button"
                aria-label="Log out"
                title="Log out"
                onClick={() => visit.logOut()}
              >
                <Icon name="exit" />
              </button>
            </>
          )}
        </div>
      </header>
      <main class="page-main">
        <div class="page-top">
          <div class="page-intro">
            <h1 class="page-title">{title}</h1>
            <p class="page-lead">{lead}</p>
            {aside !== undefined && <p class="page-aside">{aside}</p>}
          </div>
          <div class="page-line">
            <ConnectionBadge status={visit.line.status} onTryNow={() => visit.line.tryNow()} />
            <LineTools devtools={visit.line.devtools} />
          </div>
        </div>
        {children}
      </main>
      {page !== "notices" && <PageToasts visit={visit} />}
    </div>
  );
}
