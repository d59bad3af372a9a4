/** What was published in a channel, newest first, and what is published now, while it is followed. */
import { useEffect, useMemo } from "preact/hooks";
import { useChanges } from "../../showcase/shared/hooks.js";
import type { Api } from "../model/api.js";
import { formatExact, formatTime, previewOf } from "../model/format.js";
import { type Row, Tail } from "../model/tail.js";
import { later } from "./hooks.js";
import { Empty } from "./parts.js";

export function Publications({ api, channel }: { api: Api; channel: string }) {
  const tail = useMemo(() => new Tail(api, channel, later), [channel]);
  useChanges(tail);
  useEffect(() => {
    void tail.load();
    return () => tail.stop();
  }, [tail]);
  const { rows, isRunning, isLoaded, hasOlder, missed, problem } = tail;
  return (
    <section class="view-part" aria-labelledby="publications">
      <div class="part-head">
        <h2 class="part-title" id="publications">
          Publications
        </h2>
        <button
          type="button"
          class={`button small ${isRunning ? "" : "primary"}`}
          onClick={() => (isRunning ? tail.stop() : tail.start())}
        >
          {isRunning ? "Stop following" : "Follow live"}
        </button>
        {!isRunning && (
          <button type="button" class="button small" onClick={() => void tail.load()}>
            Reload
          </button>
        )}
        <p class="small soft" role="status">
          {isRunning && "Following: what is published appears here at once."}
        </p>
      </div>
      {problem !== undefined && (
        <p class="note" role="alert">
          {problem}
        </p>
      )}
      {missed > 0 && (
        <p class="note">
          Some publications were no longer kept when they were asked for. Offsets show where.
        </p>
      )}
      {!isLoaded && <p class="note loading">Loading publications …</p>}
      {isLoaded && rows.length === 0 && problem === undefined && (
        <Empty>Nothing is kept in this channel.</Empty>
      )}
      {rows.length > 0 && (
        <ol class="publications" data-testid="publications">
          {rows.map((row) => (
            <PublicationRow key={`${row.epoch} ${row.offset}`} row={row} />
          ))}
        </ol>
      )}
      {hasOlder && (
        <button type="button" class="button small" onClick={() => void tail.loadOlder()}>
          Show older
        </button>
      )}
    </section>
  );
}

function PublicationRow({ row }: { row: Row }) {
  const { offset, time, data, key, removed, tags, info, isLive } = row;
  const preview = removed ? "removed" : previewOf(data);
  const more = removed ? "" : (JSON.stringify(data, undefined, 2) ?? "");
  const about = [
    ...(key === undefined ? [] : [`key ${key}`]),
    ...(info ? [`by ${info.user || "anonymous"}`] : []),
    ...Object.entries(tags ?? {}).map(([name, value]) => `${name}=${value}`),
  ];
  return (
    <li class={isLive ? "publication live" : "publication"}>
      <details>
        <summary>
          <span class="publication-offset">{formatExact(offset)}</span>
          <time class="publication-time" dateTime={new Date(time).toISOString()}>
            {formatTime(time, Date.now())}
          </time>
          <span class="publication-data" dir="auto">
            {preview}
          </span>
          {about.length > 0 && <span class="publication-about">{about.join(" · ")}</span>}
        </summary>
        <pre class="publication-more">{more}</pre>
      </details>
    </li>
  );
}
