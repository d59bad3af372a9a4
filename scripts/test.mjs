// `npm test`: installs and builds what is needed, finds or installs a browser and servers, and runs every test.
// Arguments go to vitest: `npm test -- packages/holdfast/test/websocket` runs one folder.
// `npm run test:unit` runs the quick tests of the packages alone (vitest.config.ts names the others), and prints their coverage.

import { ensureChromium } from "./chromium.mjs";
import { ensureServers } from "./debian.mjs";
import { prepare, run } from "./prepare.mjs";
import { ensureValkey } from "./valkey.mjs";

prepare();
const [first, ...rest] = process.argv.slice(2);
const isUnit = first === "--unit";
if (!isUnit) {
  ensureServers();
  ensureValkey();
}
const args = isUnit ? ["--coverage", ...rest] : process.argv.slice(2);
const status = run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...args], {
  ...process.env,
  ...(isUnit ? { HOLDFAST_TEST_UNIT: "1" } : { HOLDFAST_TEST_CHROMIUM: ensureChromium() ?? "" }),
});
process.exit(status);
