/** The panel: what is known of the connection, buttons that break it, and its timeline. In a shadow root, apart from the page's styles. */
import type { ConnectionLog } from "./connection-log.js";
import { formatBytes, formatDuration, formatPosition, formatTime } from "./describe.js";
import type { Devtools, DevtoolsAction } from "./devtools.js";
import { element, setText } from "./elements.js";
import { panelStyle } from "./panel-style.js";
import { Timeline } from "./timeline.js";

/** The host element's name, for pages that make room: `body:has(holdfast-devtools)`. */
const hostName = "holdfast-devtools";
const refreshMs = 250;
const shownChannels = 12;
const shownRecoveries = 6;

export interface Panel {
  close(): void;
}

export function openPanel(devtools: Devtools, onClose: () => void): Panel {
  const { log } = devtools;
  const opener = document.activeElement;
  const { host, root } = createRoot(hostName);
  let isPaused = false;
  const state = element("span", { class: "state" });
  const pause = element(
    "button",
    { type: "button", "aria-pressed": "false", click: () => togglePause() },
    "Pause",
  );
  const closeButton = element(
    "button",
    { type: "button", class: "dismiss", "aria-label": "Close", click: onClose },
    "×",
  );
  const status = element("p", { class: "status", role: "status" });
  const handshake = element("div", { class: "part" });
  const traffic = element("div", { class: "part" });
  const list = element("ul", { class: "entries", "data-testid": "frames" });
  const timeline = new Timeline(list);
  const filter = element("input", {
    type: "search",
    placeholder: "Filter: publication, close, a channel",
    "aria-label": "Filter the timeline",
    input: () => timeline.filter(filter.value, log.entries),
  });
  const interrupt: DevtoolsAction = {
    label: "Cut for 6 s",
    title: "Drop the connection without a close frame, and allow no other for six seconds",
    run: () => devtools.interrupt(),
  };
  const close: DevtoolsAction = {
    label: "Close from here",
    title: "Send a close frame with code 1000; the client then reconnects",
    run: () => {
      if (devtools.closeConnections() === 0) throw new Error("There is no open connection to close.");
    },
  };
  const panel = element(
    "aside",
    { class: "panel", "aria-label": "Connection", keydown: (event) => closeOnEscape(event as KeyboardEvent) },
    element("header", {}, element("h2", {}, "Connection"), state, pause, closeButton),
    element(
      "div",
      { class: "actions" },
      ...[interrupt, close, ...devtools.actions].map((action) => createButton(action, status)),
    ),
    status,
    element(
      "section",
      { class: "body", tabindex: "0", "aria-label": "Handshake, traffic and timeline" },
      handshake,
      traffic,
      element(
        "div",
        { class: "timeline-head" },
        element("h3", {}, "Timeline, newest first"),
        element("button", { type: "button", click: () => clear() }, "Clear"),
      ),
      filter,
      list,
    ),
  );
  root.append(panel);
  document.body.append(host);
  closeButton.focus();

  const refresh = () => {
    setText(state, describeState(devtools));
    state.className = `state ${log.open ? "open" : "waiting"}`;
    showHandshake(handshake, log);
    showTraffic(traffic, log);
    timeline.show(log.entries);
  };
  const clear = () => {
    log.clear();
    timeline.clear();
  };
  const togglePause = () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
    pause.textContent = isPaused ? "Resume" : "Pause";
    // What has come until now is shown also where it stops.
    refresh();
  };
  const closeOnEscape = (event: KeyboardEvent) => {
    if (event.key === "Escape") onClose();
  };
  refresh();
  const timer = setInterval(() => {
    if (!isPaused) refresh();
  }, refreshMs);
  return {
    close() {
      clearInterval(timer);
      const hadFocus = document.activeElement === host;
      host.remove();
      if (hadFocus && opener instanceof HTMLElement) opener.focus();
    },
  };
}

/** The timeline alone, in the place of `target`'s content. */
export function mountTimeline({ log }: Devtools, target: HTMLElement): () => void {
  const { host, root } = createRoot("holdfast-timeline");
  const list = element("ul", { class: "entries", "data-testid": "frames" });
  const timeline = new Timeline(list);
  const empty = element("p", { class: "soft" }, "Nothing was sent or received yet.");
  root.append(element("div", { class: "embedded" }, empty, list));
  target.replaceChildren(host);
  const refresh = () => {
    timeline.show(log.entries);
    empty.hidden = log.entries.length > 0;
  };
  refresh();
  const timer = setInterval(refresh, refreshMs);
  return () => {
    clearInterval(timer);
    host.remove();
  };
}

/** Constructed style sheets are allowed by any content security policy. */
function createRoot(name: string): { readonly host: HTMLElement; readonly root: ShadowRoot } {
  const host = document.createElement(name);
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(panelStyle);
  root.adoptedStyleSheets = [sheet];
  return { host, root };
}

function createButton({ label, title, run }: DevtoolsAction, status: HTMLElement): HTMLButtonElement {
  const click = async () => {
    setText(status, "");
    try {
      await run();
    } catch (error) {
      setText(status, `${label}: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  return element(
    "button",
    { type: "button", ...(title !== undefined && { title }), click: () => void click() },
    label,
  );
}

function describeState({ log, interruptedUntil }: Devtools): string {
  if (log.open) return "open";
  if (interruptedUntil !== undefined) return "interrupted";
  const last = log.entries.filter(({ type }) => type !== "frame").at(-1);
  if (last?.type === "wait") {
    const leftMs = last.at + last.delayMs - Date.now();
    return leftMs > 0 ? `reconnects in ${Math.ceil(leftMs / 1000)} s` : "connecting";
  }
  return last === undefined || last.type === "close" ? "closed" : "connecting";
}

function showHandshake(part: HTMLElement, { opening, open }: ConnectionLog): void {
  // Nothing in it changes but with these.
  const version = `${opening?.id} ${open?.id}`;
  if (part.dataset.version === version) return;
  part.dataset.version = version;
  if (!opening) {
    part.replaceChildren(
      element("h3", {}, "Handshake"),
      element("p", { class: "soft" }, "No connection yet."),
    );
    return;
  }
  const { host, pathname, search } = new URL(opening.url, location.href);
  const request = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    `Origin: ${location.origin}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: (the browser keeps it)",
    ...(opening.protocols.length > 0 ? [`Sec-WebSocket-Protocol: ${opening.protocols.join(", ")}`] : []),
  ];
  const response = open
    ? [
        "HTTP/1.1 101 Switching Protocols",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Accept: (checked by the browser)",
        ...(open.protocol ? [`Sec-WebSocket-Protocol: ${open.protocol}`] : []),
        ...(open.extensions ? [`Sec-WebSocket-Extensions: ${open.extensions}`] : []),
      ]
    : ["no response yet"];
  const when = open ? `, ${formatDuration(open.durationMs)}` : "";
  part.replaceChildren(
    element("h3", {}, `Handshake at ${formatTime(opening.at)}${when}`),
    element(
      "details",
      { class: "handshake" },
      element("summary", {}, open ? `101 Switching Protocols, ${host}` : `no response yet, ${host}`),
      element("pre", {}, `${request.join("\n")}\n\n${response.join("\n")}`),
      element(
        "p",
        { class: "soft" },
        "As RFC 6455 and the browser’s WebSocket object have it: pages cannot read the headers themselves. Over HTTP/2, the request is CONNECT (RFC 8441).",
      ),
    ),
  );
}

function showTraffic(part: HTMLElement, log: ConnectionLog): void {
  const { totals, pings, positions, recoveries } = log;
  const channels = [...positions];
  const more = channels.length - shownChannels;
  const interval = pings.intervalMs === undefined ? "" : `every ${formatDuration(pings.intervalMs)}, `;
  const lastPing = pings.lastAt === undefined ? "none yet" : `last at ${formatTime(pings.lastAt)}`;
  const facts = [
    ["received", `${totals.received.frames} messages, ${formatBytes(totals.received.bytes)}`],
    ["sent", `${totals.sent.frames} messages, ${formatBytes(totals.sent.bytes)}`],
    ["pings", `${interval}${lastPing}`],
  ] as const;
  const shown = channels.slice(0, shownChannels).map(([name, at]) => [name, formatPosition(at)] as const);
  const returned = recoveries.slice(-shownRecoveries).reverse();
  // Rebuilt only if it differs, so that a selection stays.
  const version = JSON.stringify([facts, shown, more, returned]);
  if (part.dataset.version === version) return;
  part.dataset.version = version;
  part.replaceChildren(
    element("h3", {}, "Traffic"),
    createFacts(facts, "traffic"),
    element("h3", {}, "Positions received, by channel"),
    shown.length === 0
      ? element("p", { class: "soft" }, "No channel with a log yet.")
      : createFacts(shown, "cursors"),
    ...(more > 0 ? [element("p", { class: "soft" }, `and ${more} more`)] : []),
    element("h3", {}, "Recoveries after an interruption"),
    ...(returned.length === 0
      ? [element("p", { class: "soft" }, "None yet. Cut the connection to see one.")]
      : [
          element(
            "ul",
            { "data-testid": "recoveries" },
            ...returned.map(({ at, channel, since, isRecovered, count }) =>
              element(
                "li",
                {},
                element("time", {}, formatTime(at)),
                " ",
                element("code", {}, channel),
                isRecovered
                  ? ` recovered ${count} since ${since ? since.offset : "its start"}`
                  : " could not be recovered and was loaded again",
              ),
            ),
          ),
        ]),
  );
}

function createFacts(facts: readonly (readonly [string, string])[], testId: string): HTMLElement {
  return element(
    "dl",
    { "data-testid": testId },
    ...facts.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}
