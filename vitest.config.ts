import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** Unit tests alone: those of packages that are neither started as programs nor slow. */
const isUnit = process.env.HOLDFAST_TEST_UNIT !== undefined;
const all = ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts", "test/**/*.test.ts"];
/** Start programs or servers, or build something. */
const withPrograms = [
  "packages/*/test/cli/**",
  "packages/client/test/index.*.test.ts",
  "packages/lab/test/run-lab*.test.ts",
  "apps/showcase/test/bundle.test.ts",
  "apps/showcase/test/{*/server,server}/**",
];
/** Seconds each: a store on disk, sockets that are filled or time out, long random runs. */
const slow = [
  "packages/holdfast/test/brokers/lmdb/**",
  "packages/holdfast/test/brokers/*.property.test.ts",
  "packages/holdfast/test/sessions/session.fuzz.test.ts",
  "packages/holdfast/test/sockets/{socket-driver.backpressure,socket-timeouts.sockets,websocket-server*}.test.ts",
  "packages/lab/test/users/**",
];

const at = (path: string) => join(import.meta.dirname, path);

export default defineConfig({
  // Packages of this repository are tested on their sources; what runs in processes of its own is the built package.
  resolve: {
    alias: [
      { find: /^holdfast$/, replacement: at("packages/holdfast/src/index.ts") },
      {
        find: /^holdfast\/(app|internal|nats|redis|websocket)$/,
        replacement: at("packages/holdfast/src/$1.ts"),
      },
      { find: /^@holdfast\/client$/, replacement: at("packages/client/src/node.ts") },
      { find: /^@holdfast\/client\/devtools$/, replacement: at("packages/client/src/devtools/index.ts") },
      { find: /^@holdfast\/client\/react$/, replacement: at("packages/client/src/react/index.ts") },
      { find: /^@holdfast\/lab$/, replacement: at("packages/lab/src/index.ts") },
      { find: /^@holdfast\/lab\/(load|node|report)$/, replacement: at("packages/lab/src/$1/index.ts") },
      // Too large to be installed here; tests put a small one in its place.
      { find: /^next$/, replacement: at("packages/holdfast/test/support/next-stand-in.ts") },
    ],
  },
  test: {
    include: isUnit ? all.slice(0, 2) : all,
    exclude: ["**/node_modules/**", ...(isUnit ? [...withPrograms, ...slow] : [])],
    pool: "forks",
    maxWorkers: 2,
    // Quick tests share their modules, which halves the time they take.
    isolate: !isUnit,
    // Tests end as soon as they can. On a machine with ten times as much to do as it has cores, starting a process takes ten seconds.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    coverage: {
      include: ["packages/*/src/**/*.{ts,tsx}", "apps/*/**/*.{ts,tsx}"],
      exclude: ["apps/*/test/**", "**/*.d.ts"],
      reporter: ["text-summary"],
    },
  },
});
