// The pictures of the documents: the chat, and the showcase on one sheet.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../prepare.mjs";
import { drawChat } from "./chat.mjs";
import { openStage, saveWebp } from "./stage.mjs";

const images = join(root, "docs/images");
const say = (file) => process.stdout.write(`${file}\n`);

/** @param folder of the pictures of all pages */
export async function drawDocuments(folder) {
  const stage = await openStage();
  await drawChat(stage, join(images, "chat.webp"));
  say(join(images, "chat.webp"));
  await drawSheet(stage.browser, folder);
  await stage.close();
}

/** Six windows and two phones. */
async function drawSheet(browser, folder) {
  const file = join(images, "showcase.webp");
  const image = (name, style) =>
    `<img style="border-radius:10px;box-shadow:0 12px 34px #0007;${style}" src="data:image/png;base64,${readFileSync(join(folder, `${name}.png`)).toString("base64")}">`;
  const page = await browser.newPage({ viewport: { width: 1440, height: 1180 }, deviceScaleFactor: 1.25 });
  const names = ["leaderboard", "canvas", "ticker", "lab", "notices", "chat"];
  const windows = names.map((name) => image(`${name}-desktop-1440`, "width:100%")).join("");
  const phones = ["notices", "chat"].map((name) => image(`${name}-phone-360`, "height:540px")).join("");
  await page.setContent(
    `<body style="margin:0;height:1180px;box-sizing:border-box;padding:36px;display:grid;grid-template-columns:1fr 1fr 263px;gap:28px;align-content:center;background:linear-gradient(120deg,#12383b,#c7592b)">
    <div style="grid-column:1/3;display:grid;grid-template-columns:1fr 1fr;gap:28px;align-content:space-between">${windows}</div>
    <div style="display:grid;gap:28px;justify-items:center;align-content:space-between">${phones}</div>`,
  );
  await saveWebp(page, file);
  await page.close();
  say(file);
}
