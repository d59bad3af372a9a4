/**
 * Builds the pages that the server serves at `/` into dist/pages. `vite --config apps/vite.config.ts` serves them
 * while they are worked on, beside a `holdfast serve` on its default port.
 */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

export default defineConfig({
  root: fileURLToPath(new URL("showcase", import.meta.url)),
  base: "./",
  build: {
    outDir: "../../dist/pages",
    emptyOutDir: true,
    target: "es2022",
    // One request less: the page is small enough to need no early hints for modules.
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { "/connection": { target: "http://localhost:8000", ws: true } },
  },
});
