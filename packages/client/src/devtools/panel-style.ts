/** Styles of the panel. Dark in every page; custom properties of the page do not reach in, apart from the fonts named here. */
export const panelStyle = `
:host {
  all: initial;
  color-scheme: dark;
}
* {
  box-sizing: border-box;
}
.panel, .embedded {
  --back: #0d2529;
  --raised: #163338;
  --line: #2a484d;
  --ink: #f1ede3;
  --soft: #a9c2bf;
  --accent: #ffa26b;
  --good: #7dd6a0;
  --bad: #ff9a8f;
  --wait: #f0c264;
  --code: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--back);
  color: var(--ink);
  font: 13px / 1.5 var(--holdfast-devtools-font, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif);
}
.embedded {
  min-height: 100%;
  padding: 8px 12px;
}
.panel {
  position: fixed;
  z-index: 2147483000;
  inset: 0 0 0 auto;
  display: flex;
  flex-direction: column;
  width: min(27rem, 100vw);
  border-left: 1px solid var(--line);
  box-shadow: 0 12px 32px rgb(9 22 24 / 30%);
}
header, .actions, .timeline-head {
  display: flex;
  gap: 8px;
  align-items: center;
}
header {
  padding: 8px 8px 8px 16px;
}
.actions {
  flex-wrap: wrap;
  padding: 0 16px 10px;
}
h2, h3, p, ul, dl, dd {
  margin: 0;
  padding: 0;
}
h2 {
  font-size: 16px;
  font-weight: 650;
}
h3 {
  margin: 16px 0 4px;
  color: var(--soft);
  font-size: 12px;
  font-weight: 650;
  letter-spacing: 0.03em;
}
.part:first-child h3:first-child {
  margin-top: 0;
}
ul {
  list-style: none;
}
button, input {
  color: inherit;
  font: inherit;
}
button {
  min-height: 30px;
  padding: 2px 12px;
  border: 1px solid var(--soft);
  border-radius: 999px;
  background: transparent;
  font-weight: 600;
  cursor: pointer;
}
button:hover {
  background: var(--raised);
}
button[aria-pressed="true"] {
  border-color: var(--accent);
  background: var(--raised);
}
.dismiss {
  width: 36px;
  min-height: 36px;
  padding: 0;
  border-color: transparent;
  font-size: 22px;
  font-weight: 400;
  line-height: 1;
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
.state {
  flex: 1;
  color: var(--wait);
  font-weight: 650;
}
.state.open {
  color: var(--good);
}
.state::before {
  display: inline-block;
  width: 9px;
  height: 9px;
  margin-right: 6px;
  border: 2px dashed currentcolor;
  border-radius: 50%;
  content: "";
}
.state.open::before {
  border-style: solid;
  background: currentcolor;
}
.status {
  padding: 0 16px 10px;
  color: var(--bad);
}
.status:empty {
  display: none;
}
.body {
  flex: 1;
  overflow: auto;
  padding: 12px 16px 24px;
  border-top: 1px solid var(--line);
  overscroll-behavior: contain;
  scrollbar-color: var(--soft) transparent;
  scrollbar-width: thin;
}
.body:focus-visible {
  outline-offset: -2px;
}
.soft, dt, time, .size {
  color: var(--soft);
}
dl {
  display: grid;
  grid-template-columns: auto 1fr;
  gap: 1px 12px;
}
dt, dd {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
dd {
  text-align: right;
  font-variant-numeric: tabular-nums;
}
[hidden] {
  display: none;
}
dl[data-testid="cursors"] > *, code, pre, .bits {
  font-family: var(--code);
  font-size: 12px;
}
summary {
  cursor: pointer;
}
.handshake summary {
  padding: 3px 0;
}
pre {
  margin: 6px 0;
  padding: 8px;
  border-radius: 5px;
  background: var(--raised);
  overflow-wrap: anywhere;
  white-space: pre-wrap;
}
.timeline-head {
  justify-content: space-between;
  margin-top: 16px;
}
.timeline-head h3 {
  margin: 0;
}
input {
  width: 100%;
  min-height: 34px;
  margin: 6px 0;
  padding: 4px 10px;
  border: 1px solid var(--soft);
  border-radius: 8px;
  background: var(--raised);
}
input::placeholder {
  color: var(--soft);
  opacity: 1;
}
.entries .event, .frame summary {
  display: grid;
  grid-template-columns: 14px minmax(0, 1fr) auto auto;
  gap: 8px;
  align-items: baseline;
  padding: 3px 4px;
  border-radius: 5px;
  font-variant-numeric: tabular-nums;
}
.entries .event {
  grid-template-columns: 14px minmax(0, 1fr) auto;
}
.event .what {
  font-weight: 600;
  overflow-wrap: anywhere;
}
.event.open {
  color: var(--good);
}
.event.close {
  color: var(--bad);
}
.event.wait {
  color: var(--wait);
}
.frame summary {
  list-style: none;
}
.frame summary::-webkit-details-marker {
  display: none;
}
.frame summary:hover {
  background: var(--raised);
}
.frame .what {
  overflow: hidden;
  text-overflow: ellipsis;
  white-space: nowrap;
}
.frame code {
  color: var(--soft);
}
.sign {
  color: inherit;
  font-weight: 700;
}
.received .sign {
  color: var(--accent);
}
.sent .sign {
  color: var(--soft);
}
time, .size {
  font-size: 12px;
  white-space: nowrap;
}
.header {
  width: 100%;
  margin-top: 6px;
  border-collapse: collapse;
  font-size: 12px;
}
.header caption {
  padding-bottom: 2px;
  color: var(--soft);
  text-align: left;
}
.header th, .header td {
  padding: 2px 8px 2px 0;
  border-bottom: 1px solid var(--line);
  font-weight: 400;
  text-align: left;
  vertical-align: top;
}
.header th {
  white-space: nowrap;
}
.bits {
  color: var(--accent);
  overflow-wrap: anywhere;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  margin: -1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}
@media (max-width: 40rem) {
  .panel {
    inset: auto 0 0;
    width: 100vw;
    height: 62dvh;
    border-top: 1px solid var(--line);
    border-left: 0;
    border-radius: 14px 14px 0 0;
  }
}
`;
