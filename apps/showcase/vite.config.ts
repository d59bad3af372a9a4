/**
 * Builds the pages that the showcase serves at `/` into dist/pages. `vite --config apps/showcase/vite.config.ts` serves them
 * while they are worked on, beside an `npm start` on its default port.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { promisify } from "node:util";
import { brotliCompress } from "node:zlib";
import { build, defineConfig, type Plugin } from "vite";
import { waiting } from "./chat/model/waiting.js";
import { type PageName, pageHeads } from "./shared/frame/page-heads.js";
import { sitePages } from "./shared/site-pages.js";

const root = import.meta.dirname;
const server = "http://localhost:8000";
/** The first page, and that of each folder that has one. */
const pages = ["", ...readdirSync(root).map((name) => `${name}/`)]
  .map((folder) => `${root}/${folder}index.html`)
  .filter((file) => existsSync(file));

/** What the head of every page but the first has: in one place, and put where a page says so. */
const sharedHead: Plugin = {
  name: "shared-head",
  transformIndexHtml: {
    order: "pre",
    handler: (html, { filename }) =>
      html
        .replace("<!-- head.html -->", readFileSync(`${root}/shared/frame/head.html`, "utf8").trim())
        .replace("<!-- page -->", firstPaint(basename(dirname(filename)))),
  },
};

/**
 * The script of the playground's sandbox: a classic one in one file, since a document without an origin may load no modules.
 */
const sandboxScript: Plugin = {
  name: "sandbox-script",
  apply: "build",
  async generateBundle() {
    const built = await build({
      configFile: false,
      logLevel: "warn",
      build: {
        write: false,
        target: "es2022",
        rolldownOptions: {
          input: `${root}/play/sandbox/sandbox.ts`,
          output: { format: "iife", entryFileNames: "sandbox.js" },
        },
      },
    });
    const { output } = [built].flat()[0] as { readonly output: readonly { readonly type: string }[] };
    const [chunk] = output as unknown as readonly [{ readonly code: string }];
    this.emitFile({ type: "asset", fileName: "play/sandbox.js", source: chunk.code });
  },
};

/**
 * Styles stand in the page itself, so that it is painted when it has arrived, not after another round trip. The links stay, disabled, so
 * that what is loaded later does not load them again.
 */
const inlineStyles: Plugin = {
  name: "inline-styles",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler: (html, { bundle = {} }) =>
      html.replace(/<link rel="stylesheet" crossorigin href="([^"]+)">/g, (_, href: string) => {
        const file = bundle[`assets/${basename(href)}`];
        if (file?.type !== "asset") throw new Error(`${href} is not in the bundle`);
        const styles = file.source
          .toString()
          .replace(/url\((?!["']?data:)(["']?)(?:\.\/)?/g, `url($1${dirname(href)}/`);
        return `<style>${styles.trim()}</style><link rel="stylesheet" disabled href="${href}">`;
      }),
  },
};

const compress = promisify(brotliCompress);

/** Of what the server sends compressed: better than it could compress it at each start. */
const brotli: Plugin = {
  name: "brotli",
  apply: "build",
  async writeBundle({ dir = "" }, bundle) {
    const names = Object.keys(bundle).filter((name) => /\.(?:html|js|css|svg|json)$/.test(name));
    await Promise.all(
      names.map(async (name) => {
        const bytes = readFileSync(`${dir}/${name}`);
        const packed = await compress(bytes);
        if (packed.length < bytes.length * 0.9) writeFileSync(`${dir}/${name}.br`, packed);
      }),
    );
  },
};

/** What a page shows before its script runs: the same elements that the script makes, so that nothing moves. */
function firstPaint(page: string): string {
  const links = sitePages.map(({ path, title }) => {
    const current = path === `${page}/` ? ' aria-current="page"' : "";
    return `<li><a href="../${path}"${current}>${title}</a></li>`;
  });
  const mark = ["M12 2v8", "M12 10c0 5-7 4-7 9.5", "M12 10c0 5 7 4 7 9.5", "M12 10v9.5", "M2 21.5h20"];
  const brand = `<a class="brand" href="../" title="All pages"><svg class="brand-mark" viewBox="0 0 24 24" aria-hidden="true">${mark
    .map((path) => `<path d="${path}"></path>`)
    .join("")}</svg><span class="brand-name">Holdfast</span><span class="brand-page">${page}</span></a>`;
  const nav = `<nav class="site-nav" aria-label="Pages"><ul>${links.join("")}</ul></nav>`;
  const header = `<header class="page-header">${brand}${nav}</header>`;
  if (page === "chat") return `<div class="page chat-page">${header}${firstRoom}</div>`;
  if (!(page in pageHeads)) return `<div class="page">${header}</div>`;
  const { title, lead } = pageHeads[page as PageName];
  const intro = `<h1 class="page-title">${title}</h1><p class="page-lead">${lead}</p>`;
  const main =
    page === "play"
      ? `<main class="page-main play"><div class="play-intro">${intro}</div></main>`
      : `<main class="page-main"><div class="page-top"><div class="page-intro">${intro}</div></div></main>`;
  return `<div class="page">${header}${main}</div>`;
}

/** The chat's room: as large as it will be, and with what it says while messages are read. */
const firstRoom = `<div class="chat"><aside class="drawer left"></aside><main class="room">
<header class="room-header"><h1 class="room-title">&nbsp;</h1></header>
<div class="timeline-frame"><div class="timeline"><div class="timeline-inner"><div class="empty">
<h2 class="display-title">${waiting.title}</h2><p class="soft">${waiting.lead}</p></div></div></div></div>
<form class="composer"><div class="composer-box"><textarea class="composer-field" rows="1" disabled aria-label="Message" style="height: 48px"></textarea></div>
<p class="composer-hint"><span class="composer-keys">&nbsp;</span></p></form>
<details class="how"><summary><span class="how-title">How this works</span></summary></details>
</main><aside class="drawer right"></aside></div>`.replaceAll("\n", "");

export default defineConfig({
  root,
  base: "./",
  plugins: [sharedHead, sandboxScript, inlineStyles, brotli],
  build: {
    outDir: "dist/pages",
    emptyOutDir: true,
    // Compressing takes most of a build, as it is meant to.
    rolldownOptions: {
      input: pages,
      checks: { pluginTimings: false },
      // What all pages share is one file, and what those with a connection share another: each more would be one more request.
      output: {
        codeSplitting: {
          groups: [
            { name: "page", minShareCount: 7, priority: 2 },
            { name: "line", minShareCount: 6, priority: 1, test: (id) => !id.endsWith("/page-heads.ts") },
          ],
        },
      },
    },
    target: "es2022",
    // One request less: the page is small enough to need no early hints for modules.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      "/connection": { target: server, ws: true },
      "^/(?:api|me|login|logout)(?:[/?]|$)": { target: server },
    },
  },
});
