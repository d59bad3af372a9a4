import { join } from "node:path";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Examples import the package as its users do; tests run them on the sources.
  resolve: { alias: [{ find: /^holdfast$/, replacement: join(import.meta.dirname, "src/index.ts") }] },
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
