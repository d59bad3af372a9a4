/** Below the headline: the three ways as strokes that grow with what they have cost this page so far. */
import type { StageProps } from "../main.js";
import { formatBytes } from "./parts.js";

export function Ledger({ story }: StageProps) {
  const rows = [
    { way: "poll", name: "asking", label: "poll" },
    { way: "long", name: "asking and waiting", label: "long" },
    { way: "line", name: "one open line", label: "line" },
  ].map((row) => {
    const { received, sent } = story.tap.tallyOf(row.label);
    return { ...row, bytes: received + sent };
  });
  const most = Math.max(4000, ...rows.map(({ bytes }) => bytes));
  return (
    <>
      <p class="ledger-title">What each way of hearing news has cost this page so far</p>
      <dl class="ledger">
        {rows.map(({ way, name, bytes }) => (
          <div key={way} class={way}>
            <dt>{name}</dt>
            <dd>
              <span class="ledger-bar" style={{ width: `${(bytes / most) * 100}%` }} />
              <span class="ledger-bytes" data-testid={`ledger-${way}`}>
                {formatBytes(bytes)}
              </span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}
