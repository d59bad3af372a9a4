// `npm run screenshots`: pictures of every page at three widths, into screenshots/, and those of the documents, into
// docs/images/. `npm run screenshots -- ticker chat` takes some only, `documents` those of the documents, and `recording` the
// animation of the cut line. `baseline` takes those that test/browser/visual.test.ts compares pages with.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ensureChromium } from "./chromium.mjs";
import { fail, prepare, root, run } from "./prepare.mjs";
import { drawDocuments } from "./screenshots/documents.mjs";
import { scenes } from "./screenshots/scenes.mjs";
import { openStage } from "./screenshots/stage.mjs";
import { recordCut } from "./screenshots/story.mjs";

const wished = process.argv.slice(2);
const known = [...Object.keys(scenes), "documents", "recording", "baseline"];
const unknown = wished.find((name) => !known.includes(name));
if (unknown) fail(`There is no page ${unknown}; there are ${known.join(", ")}.`);
prepare();
if (wished.includes("baseline")) {
  const test = ["node_modules/vitest/vitest.mjs", "run", "test/browser/visual.test.ts", "-t", "as before"];
  const browser = ensureChromium() ?? fail("Pictures need a browser.");
  const code = run(process.execPath, test, {
    ...process.env,
    HOLDFAST_TEST_CHROMIUM: browser,
    HOLDFAST_TEST_PICTURES: "write",
  });
  if (code !== 0) fail("Not all pictures were taken: see the message above.");
}
const folder = join(root, "screenshots");
mkdirSync(folder, { recursive: true });
for (const [name, scene] of Object.entries(scenes)) {
  if (wished.length > 0 && !wished.includes(name)) continue;
  // Each on a server of its own, so that none shows what another has left behind.
  const stage = await openStage();
  await scene(stage, async (page, called, size) => {
    const file = join(folder, `${called}-${size.name}-${size.width}.png`);
    await page.screenshot({ path: file });
    process.stdout.write(`${file}\n`);
  });
  await stage.close();
}
if (wished.length === 0 || wished.includes("documents")) await drawDocuments(folder);
if (wished.length === 0 || wished.includes("recording")) {
  const file = join(root, "docs/images/cut.webp");
  const stage = await openStage();
  if (await recordCut(stage, file)) process.stdout.write(`${file}\n`);
  await stage.close();
}
process.exit(0);
