/**
 * Builds the pages that the showcase serves at `/` into dist/pages. `vite --config apps/showcase/vite.config.ts` serves them
 * while they are worked on, beside an `npm start` on its default port.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

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
    handler: (html) =>
      html.replace("<!-- head.html -->", readFileSync(`${root}/shared/frame/head.html`, "utf8").trim()),
  },
};

export default defineConfig({
  root,
  base: "./",
  plugins: [sharedHead],
  build: {
    outDir: "dist/pages",
    emptyOutDir: true,
    rollupOptions: { input: pages },
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
