/** A row of the timeline; a message opens to its header, bit by bit, and its payload. */
import type { FrameEntry, LogEntry } from "./connection-log.js";
import { describeEntry, formatBytes, formatTime, prettify } from "./describe.js";
import { element } from "./elements.js";
import { frameHeader } from "./frame-header.js";

const signs: Readonly<Record<LogEntry["type"], string>> = {
  opening: "→",
  open: "✓",
  close: "×",
  wait: "…",
  frame: "",
};

export function createEntryRow(entry: LogEntry): HTMLLIElement {
  return entry.type === "frame" ? createFrameRow(entry) : createEventRow(entry);
}

function createEventRow(entry: Exclude<LogEntry, FrameEntry>): HTMLLIElement {
  return element(
    "li",
    { class: `event ${entry.type}` },
    element("span", { class: "sign", "aria-hidden": "true" }, signs[entry.type]),
    element("span", { class: "what" }, describeEntry(entry)),
    element("time", {}, formatTime(entry.at)),
  );
}

function createFrameRow(entry: FrameEntry): HTMLLIElement {
  const { direction, kind, channel, bytes, at } = entry;
  const details = element(
    "details",
    { class: `frame ${direction}`, toggle: () => fill() },
    element(
      "summary",
      {},
      element(
        "span",
        { class: "sign" },
        element("span", { "aria-hidden": "true" }, direction === "sent" ? "↑" : "↓"),
        element("span", { class: "unseen" }, direction),
      ),
      element(
        "span",
        { class: "what" },
        `${kind} `,
        ...(channel === undefined ? [] : [element("code", {}, channel)]),
      ),
      element("span", { class: "size" }, formatBytes(bytes)),
      element("time", {}, formatTime(at)),
    ),
  );
  // Most rows are never opened.
  const fill = () => {
    if (details.open && details.childElementCount === 1) details.append(...createDetails(entry));
  };
  return element("li", {}, details);
}

function createDetails(entry: FrameEntry): HTMLElement[] {
  const header = frameHeader(entry);
  const fields = header.fields.map(({ name, bits, meaning }) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name),
      element("td", { class: "bits" }, bits.replace(/(.{8})(?=.)/g, "$1 ")),
      element("td", {}, meaning),
    ),
  );
  return [
    element(
      "table",
      { class: "header" },
      element(
        "caption",
        {},
        `${header.bytes} bytes of header, ${formatBytes(entry.bytes)} of payload, if sent as one uncompressed frame`,
      ),
      element("tbody", {}, ...fields),
    ),
    element("pre", { dir: "auto" }, prettify(entry.text)),
  ];
}
