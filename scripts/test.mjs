// `npm test`: installs and builds what is needed, finds or installs a browser, and runs every test.
// Arguments go to vitest: `npm test -- test/websocket` runs one folder.

import { ensureChromium } from "./chromium.mjs";
import { prepare, run } from "./prepare.mjs";

prepare();
const chromium = ensureChromium();
const status = run(process.execPath, ["node_modules/vitest/vitest.mjs", "run", ...process.argv.slice(2)], {
  ...process.env,
  HOLDFAST_TEST_CHROMIUM: chromium ?? "",
});
process.exit(status);
