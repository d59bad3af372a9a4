import { join } from "node:path";
import { defineConfig } from "vitest/config";

const at = (path: string) => join(import.meta.dirname, path);

export default defineConfig({
  // Packages of this repository are tested on their sources; what runs in processes of its own is the built package.
  resolve: {
    alias: [
      { find: /^holdfast$/, replacement: at("packages/holdfast/src/index.ts") },
      { find: /^holdfast\/(app|internal|websocket)$/, replacement: at("packages/holdfast/src/$1.ts") },
      { find: /^@holdfast\/client$/, replacement: at("packages/client/src/node.ts") },
      { find: /^@holdfast\/client\/react$/, replacement: at("packages/client/src/react/index.ts") },
      { find: /^@holdfast\/lab$/, replacement: at("packages/lab/src/index.ts") },
      { find: /^@holdfast\/lab\/(load|node|report)$/, replacement: at("packages/lab/src/$1/index.ts") },
      // Too large to be installed here; tests put a small one in its place.
      { find: /^next$/, replacement: at("packages/holdfast/test/support/next-stand-in.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
