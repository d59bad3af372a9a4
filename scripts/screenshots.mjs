// `node scripts/screenshots.mjs`: makes the pictures of the README from the running chat. One window's line is cut, and
// comes back, so that the badge has something to tell.
import { connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ensureChromium } from "./chromium.mjs";
import { fail, prepare, root } from "./prepare.mjs";

prepare();
const executablePath = ensureChromium() ?? fail("Pictures need a browser.");
const { createServer } = await import("../dist/index.js");
const { createShowcase } = await import("../dist/showcase/showcase.js");
const { app, routes, use } = createShowcase();
const server = createServer(app, { port: 0, routes });
use(server);
const { port } = await server.listen();

/** A line that can be cut. */
const lines = new Set();
let isCut = false;
const proxy = createTcpServer((near) => {
  const far = connect(port, "127.0.0.1");
  lines.add(near);
  for (const socket of [near, far])
    socket.on("error", () => {}).on("close", () => [near, far].map((each) => each.destroy()));
  near.once("data", (head) => {
    if (isCut) near.resetAndDestroy();
    else far.write(head);
    near.pipe(far).pipe(near);
  });
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const open = async (name, at, viewport, colorScheme) => {
  const context = await browser.newContext({ viewport, colorScheme, deviceScaleFactor: 2 });
  const page = await context.newPage();
  await page.goto(`http://localhost:${at}/chat/?as=${name}#lobby`);
  await page.getByText("Live").first().waitFor();
  return page;
};
const say = async (page, text) => {
  await page.locator("textarea").fill(text);
  await page.locator("textarea").press("Enter");
};

const ann = await open("Ann", port, { width: 860, height: 640 }, "light");
const bob = await open("Bob", proxy.address().port, { width: 360, height: 640 }, "dark");
await say(ann, "Morning! Is the new scoreboard up?");
await ann.getByText("scoreboard up").waitFor();
await say(bob, "Yes. I am on the train, so I may drop out in the tunnel.");
await ann.getByText("in the tunnel").waitFor();
isCut = true;
for (const line of lines) line.resetAndDestroy();
for (const text of [
  "Then I will just keep writing.",
  "Semi-final: 2 : 1 after extra time.",
  "And the goalkeeper scored!",
])
  await say(ann, text);
isCut = false;
await bob.getByText("goalkeeper scored").waitFor();
await say(bob, "Back in daylight, and nothing is missing.");
await ann.getByText("nothing is missing").waitFor();
await ann.getByPlaceholder("Create a private room").fill("Final on Sunday");
await ann.getByRole("button", { name: "Create private room" }).click();
await ann.getByRole("link", { name: "Final on Sunday" }).waitFor();
await ann.getByRole("link", { name: "lobby" }).click();
await ann.getByText("nothing is missing").waitFor();
await ann.locator("textarea").blur();
const [wide, narrow] = await Promise.all([ann.screenshot(), bob.screenshot()]);

const sheet = await browser.newPage({ viewport: { width: 1320, height: 720 }, deviceScaleFactor: 1.5 });
const image = (bytes, width) =>
  `<img width="${width}" style="border-radius:14px;box-shadow:0 18px 50px #0006" src="data:image/png;base64,${bytes.toString("base64")}">`;
await sheet.setContent(
  `<body style="margin:0;height:720px;display:flex;gap:32px;align-items:center;justify-content:center;background:linear-gradient(120deg,#12383b,#c7592b)">${image(wide, 860)}${image(narrow, 360)}`,
);
await sheet.screenshot({ path: join(root, "docs/images/chat.png") });
await browser.close();
proxy.close();
await server.close();
process.stdout.write("docs/images/chat.png\n");
process.exit(0);
