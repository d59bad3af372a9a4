/**
 * The playground: one channel of each kind for code that visitors write, without a name, and the document in which that code runs.
 * Nothing of it is kept for long, and nothing that runs there reaches the channels of other pages.
 */
import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ChannelOptions, channel, type PublishContext, reject, rpc } from "holdfast";
import { TokenBuckets } from "holdfast/internal";
import type { PartContext, RunningPart } from "../../server/part.js";

export const maxDataBytes = 4096;
const perSecond = 20;
const tooFastCode = 429;
const tooLargeCode = 413;

/** Path of the document in which code runs, below the playground's. */
export const sandboxPath = "/play/sandbox";

export function createPlay({ now }: Pick<PartContext, "now">) {
  const running: RunningPart = { start: () => {}, stop: () => {} };
  const buckets = new TokenBuckets({ perSecond, burst: 2 * perSecond });
  const admit = (client: string, data: unknown) => {
    if (buckets.take(client, now()) > 0)
      reject(tooFastCode, `too fast: up to ${perSecond} messages a second in the playground`);
    if (Buffer.byteLength(JSON.stringify(data) ?? "") > maxDataBytes)
      reject(tooLargeCode, `too large: up to ${maxDataBytes} bytes a message in the playground`);
  };
  const everybody = { subscribe: "all", publish: "all", history: "all" } as const;
  const history = { size: 100, ttl: "10m", bytes: 64 * 1024 } as const;
  const options = {
    durability: "memory",
    allow: { ...everybody, presence: "all" },
    publish: ({ user, data }: PublishContext<unknown>) => {
      admit(user.client, data);
      return data;
    },
  } satisfies ChannelOptions<unknown, unknown, unknown>;
  return {
    running,
    channels: {
      "play-stream:{name}": channel({ ...options, history, presence: true, joinLeave: true }),
      "play-live:{name}": channel({ ...options, kind: "live" }),
      "play-latest:{name}": channel({ ...options, history, kind: "latest" }),
      "play-map:{name}": channel({
        ...{ ...options, history, kind: "map", allow: everybody },
        map: { ttl: "10m", maxKeys: 50 },
      }),
    },
    rpc: {
      /** Returns its argument, and when it arrived. */
      playEcho: rpc({
        allow: "all",
        handler: ({ user, data }) => {
          admit(user.client, data);
          return { echo: data ?? null, arrivedAt: new Date(now()).toISOString() };
        },
      }),
    },
  } as const;
}

/**
 * Answers with the document of one client of the playground. Its policy gives the code an origin of its own, without cookies, storage,
 * network or other pages; its only way out is the port that the playground hands to it.
 */
export function sendSandbox(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const nonce = randomBytes(16).toString("base64");
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>A client of the playground</title>
<style>${style}</style>
</head>
<body>
<main><div id="output" role="log" aria-label="Output"></div></main>
<script nonce="${nonce}" src="./sandbox.js"></script>
</body>
</html>
`;
  const bytes = Buffer.from(html);
  response.writeHead(200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": bytes.length,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": `${policy(nonce)}, ${secondPolicy}`,
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

function policy(nonce: string): string {
  return [
    "sandbox allow-scripts",
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    "style-src 'unsafe-inline'",
    "img-src data:",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ].join("; ");
}

/** Must hold as well: imports inherit the nonce, and with the first alone would load from anywhere. */
const secondPolicy = "script-src 'self' blob:";

const style = `
:root{color-scheme:light dark;--ink:#14262a;--soft:#50605f;--bad:#a62121;--line:#8d8a7e;--tint:#fbe8db;--accent:#b23f0c}
@media (prefers-color-scheme:dark){:root{--ink:#e8eeea;--soft:#9fb2b0;--bad:#ff9a8f;--line:#64797a;--tint:#3a2316;--accent:#ff9a60}}
body{margin:0;padding:10px 12px;background:transparent;color:var(--ink);font:14px/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
#output p{margin:0;overflow-wrap:anywhere;white-space:pre-wrap}
#output .error{color:var(--bad)}
button{min-height:34px;margin:0 6px 6px 0;padding:2px 14px;border:1px solid var(--line);border-radius:999px;background:transparent;color:inherit;font:600 14px system-ui,sans-serif;cursor:pointer}
button:hover{border-color:var(--accent);background:var(--tint)}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
`;
