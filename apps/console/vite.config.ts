/**
 * Builds the console into the server's package. `vite --config apps/console/vite.config.ts` serves it while it is worked on, beside
 * a server on its default port. Colours, fonts and plain elements are those of the showcase.
 */

import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  build: {
    outDir: "../../packages/holdfast/dist/console",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false },
  },
  server: { proxy: { "^/api/": { target: "http://localhost:8000" } } },
});
