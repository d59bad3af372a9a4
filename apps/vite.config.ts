/**
 * Builds the pages that the server serves at `/` into dist/pages. `vite --config apps/vite.config.ts` serves them
 * while they are worked on, beside a `holdfast serve --showcase` on its default port.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const root = fileURLToPath(new URL("showcase", import.meta.url));
const server = "http://localhost:8000";

export default defineConfig({
  root,
  base: "./",
  build: {
    outDir: "../../dist/pages",
    emptyOutDir: true,
    rollupOptions: { input: [`${root}/index.html`, `${root}/chat/index.html`] },
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
