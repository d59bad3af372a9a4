// What is played on each page before its pictures are taken, at each width by somebody else.
import { shootChat } from "./chat.mjs";
import { sizes } from "./stage.mjs";
import { shootStart } from "./story.mjs";

/** One window for each width. @returns those windows, in the order of the sizes */
const openAll = (stage, page, names, options = {}) =>
  Promise.all(sizes.map((size, index) => stage.open(page, names[index], { ...size, ...options })));

const closeAll = (pages) => Promise.all(pages.map((page) => page.close()));

const shootAll = async (shoot, pages, name) => {
  for (const [index, page] of pages.entries()) await shoot(page, name, sizes[index]);
};

/** Presses the keys of the nets that have something worth it in them. */
async function fish(page, points) {
  await page.getByRole("button", { name: /^(Begin a round|Once more)$/ }).click();
  const endsAt = Date.now() + 18_000;
  while (Date.now() < endsAt) {
    const labels = await page.evaluate(() =>
      [...document.querySelectorAll(".net")].map((net) => net.getAttribute("aria-label") ?? ""),
    );
    const lane = labels.findIndex((label) => /(?:shell|starfish|pearl)$/.test(label));
    if (lane >= 0) await page.keyboard.press(String(lane + 1));
    const score = await page
      .getByTestId("score")
      .textContent({ timeout: 1000 })
      .catch(() => points);
    if (Number(score) >= points) return;
    await page.waitForTimeout(100);
  }
}

async function shootLeaderboard(stage, shoot) {
  const pages = await openAll(stage, "leaderboard", ["Ann", "Bob", "Cy"]);
  await Promise.all(pages.map((page, index) => fish(page, 5 + 3 * index)));
  await shootAll(shoot, pages, "leaderboard");
  await closeAll(pages);
}

/** A kelp in the surf: stems of different colours, each by somebody else. */
async function draw(page, colour, points) {
  const swatches = page.getByRole("radio");
  if ((await swatches.count()) > colour) await swatches.nth(colour).check({ force: true });
  const box = await page.getByTestId("board").boundingBox();
  const at = ([x, y]) => [box.x + x * box.width, box.y + y * box.height];
  await page.mouse.move(...at(points[0]));
  await page.mouse.down();
  for (const point of points.slice(1)) await page.mouse.move(...at(point), { steps: 3 });
  await page.mouse.up();
}

const stem = (x, sway) =>
  Array.from({ length: 33 }, (_, step) => [x + sway * Math.sin(step * 0.25), 0.92 - step * 0.0225]);

async function shootCanvas(stage, shoot) {
  const pages = await openAll(stage, "canvas", ["Ann", "Bob", "Cy"]);
  const [ann, bob, cy] = pages;
  for (const page of pages)
    await page
      .getByTestId("strokes")
      .getByText(/stroke/)
      .waitFor();
  await draw(ann, 2, [
    [0.05, 0.94],
    [0.3, 0.9],
    [0.6, 0.95],
    [0.95, 0.91],
  ]);
  await draw(cy, 1, stem(0.3, 0.03));
  await draw(cy, 1, stem(0.42, -0.04));
  await draw(bob, 3, stem(0.62, 0.05));
  await draw(bob, 3, stem(0.75, -0.03));
  await draw(ann, 4, [
    [0.15, 0.2],
    [0.22, 0.14],
    [0.29, 0.2],
    [0.36, 0.14],
    [0.43, 0.2],
  ]);
  for (const page of pages) await page.getByTestId("strokes").getByText("6 strokes").waitFor();
  for (const [page, place] of [
    [ann, 0.25],
    [bob, 0.5],
    [cy, 0.8],
  ]) {
    const box = await page.getByTestId("board").boundingBox();
    await page.mouse.move(box.x + place * box.width, box.y + 0.4 * box.height, { steps: 5 });
  }
  await cy.getByTestId("cursor").first().waitFor({ state: "attached" });
  await shootAll(shoot, pages, "canvas");
  await closeAll(pages);
}

async function shootTicker(stage, shoot) {
  const pages = await openAll(stage, "ticker", ["Ann", "Bob", "Cy"]);
  // Figures of the machine come once a second, and those of the feed are of the last seconds.
  await pages[2].waitForTimeout(4000);
  await shootAll(shoot, pages, "ticker");
  await closeAll(pages);
}

async function shootNotices(stage, shoot) {
  const pages = await openAll(stage, "notices", ["Ann", "Bob", "Cy"]);
  const [ann, bob, cy] = pages;
  const { user } = await (await cy.request.get(new URL("/me?as=Cy", cy.url()).href))
    .json()
    .then(({ session }) => session);
  await stage.server.publish(`notices:${user}`, { title: "CI", text: "All tests pass", from: "a program" });
  for (const [from, name, text] of [
    [ann, "Cy", "The tide turns at nine."],
    [bob, "Cy", "Bring boots."],
    [cy, "Ann", "On my way."],
    [cy, "Bob", "Will do."],
  ])
    await send(from, name, text);
  await cy.getByText("Bring boots.").first().waitFor();
  await cy.getByRole("button", { name: "Mark as read: CI" }).click();
  await shootAll(shoot, pages, "notices");
  await closeAll(pages);
}

async function send(page, name, text) {
  await page.getByLabel("To (name)").fill(name);
  await page.getByLabel("Text").fill(text);
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function shootLab(stage, shoot) {
  const pages = await openAll(stage, "lab", ["Ann", "Bob", "Cy"]);
  for (const page of pages.reverse()) {
    await page.getByLabel("Preset").selectOption({ label: "Chat: 2 messages a second, both ways" });
    await page.getByRole("spinbutton", { name: /^For/ }).fill("8");
    await page.getByRole("button", { name: "Measure" }).click();
    await page.getByTestId("result").waitFor();
    await page.getByTestId("result").scrollIntoViewIfNeeded();
  }
  await shootAll(shoot, pages.reverse(), "lab");
  await closeAll(pages);
}

export const scenes = {
  start: shootStart,
  chat: shootChat,
  leaderboard: shootLeaderboard,
  canvas: shootCanvas,
  ticker: shootTicker,
  notices: shootNotices,
  lab: shootLab,
};
