import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Examples import the package as its users do; tests run them on the sources.
  resolve: {
    alias: [
      { find: /^holdfast$/, replacement: join(import.meta.dirname, "src/index.ts") },
      { find: /^holdfast\/client$/, replacement: join(import.meta.dirname, "src/client/node.ts") },
      { find: /^holdfast\/react$/, replacement: join(import.meta.dirname, "src/react/index.ts") },
      // Too large to be installed here; tests put a small one in its place.
      { find: /^next$/, replacement: join(import.meta.dirname, "test/support/next-stand-in.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
