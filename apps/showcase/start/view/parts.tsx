/** What several scenes show: figures, heads of HTTP, delays, and what went wrong. */
import type { ComponentChildren } from "preact";

export interface FigureProps {
  label: string;
  value: string;
  /** Named for tests. */
  id: string;
  tone?: "poll" | "long" | "line" | "bad";
}

export function Figure({ label, value, id, tone }: FigureProps) {
  return (
    <div class={`figure ${tone ?? ""}`}>
      <dt>{label}</dt>
      <dd data-testid={id}>{value}</dd>
    </div>
  );
}

export function Figures({ children }: { children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}

/** The head of a request or an answer; the fields that matter stand out. */
export function Head({
  title,
  text,
  marks = [],
  testId,
}: {
  title: string;
  text: string | undefined;
  marks?: readonly string[];
  testId?: string;
}) {
  const lines = text?.trimEnd().split("\r\n") ?? [];
  return (
    <section class="head" aria-label={title}>
      <h3>{title}</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also with the keyboard alone */}
      <pre tabIndex={0} data-testid={testId}>
        {lines.length === 0 && <span class="soft">…</span>}
        {lines.map((line, index) => (
          <HeadLine key={line} line={line} isFirst={index === 0} marks={marks} />
        ))}
      </pre>
    </section>
  );
}

function HeadLine({ line, isFirst, marks }: { line: string; isFirst: boolean; marks: readonly string[] }) {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  if (isFirst || colon < 0) return <b class="head-first">{`${line}\n`}</b>;
  const isMarked = marks.includes(name.toLowerCase());
  return (
    <span class={isMarked ? "head-field marked" : "head-field"}>
      <span class="head-name">{name}</span>
      {`${line.slice(colon)}\n`}
    </span>
  );
}

export function Problem({ text }: { text: string | undefined }) {
  return (
    <p class="stage-problem" role="alert">
      {text}
    </p>
  );
}

export function Note({ children, testId }: { children: ComponentChildren; testId?: string }) {
  return (
    <p class="stage-note" role="status" data-testid={testId}>
      {children}
    </p>
  );
}

export function formatBytes(bytes: number): string {
  return `${bytes.toLocaleString("en")} B`;
}

export function formatMs(ms: number | undefined): string {
  if (ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
