// The chat: one window's line is cut, and comes back, so that the badge has something to tell.
import { saveWebp, sizes } from "./stage.mjs";

const say = async (page, text) => {
  await page.locator("textarea").fill(text);
  await page.locator("textarea").press("Enter");
};

/** @returns two windows in which something has happened */
export async function playChat(stage, wide, narrow) {
  const { line } = stage;
  const ann = await stage.open("chat", "Ann", { ...wide, hash: "#lobby" });
  const bob = await stage.open("chat", "Bob", { ...narrow, hash: "#lobby", at: line.port });
  await say(ann, "Morning! Is the new scoreboard up?");
  await ann.getByText("scoreboard up").last().waitFor();
  await say(bob, "Yes. I am on the train, so I may drop out in the tunnel.");
  await ann.getByText("in the tunnel").last().waitFor();
  line.cut();
  for (const text of [
    "Then I will just keep writing.",
    "Semi-final: 2 : 1 after extra time.",
    "And the goalkeeper scored!",
  ])
    await say(ann, text);
  line.mend();
  await bob.getByText("goalkeeper scored").last().waitFor();
  await say(bob, "Back in daylight, and nothing is missing.");
  await ann.getByText("nothing is missing").last().waitFor();
  return { ann, bob };
}

/** For the README: both beside each other. */
export async function drawChat(stage, file) {
  const { ann, bob } = await playChat(
    stage,
    { width: 980, height: 640, colorScheme: "light", scale: 2 },
    { width: 360, height: 640, colorScheme: "dark", scale: 2 },
  );
  await ann.getByPlaceholder("Create a private room").fill("Final on Sunday");
  await ann.getByRole("button", { name: "Create private room" }).click();
  await ann.getByRole("link", { name: "Final on Sunday" }).waitFor();
  await ann.getByRole("link", { name: "lobby" }).click();
  await ann.getByText("nothing is missing").last().waitFor();
  await ann.locator("textarea").blur();
  const [wide, narrow] = await Promise.all([ann.screenshot(), bob.screenshot()]);
  const sheet = await stage.browser.newPage({
    viewport: { width: 1440, height: 720 },
    deviceScaleFactor: 1.5,
  });
  const image = (bytes, width) =>
    `<img width="${width}" style="border-radius:14px;box-shadow:0 18px 50px #0006" src="data:image/png;base64,${bytes.toString("base64")}">`;
  await sheet.setContent(
    `<body style="margin:0;height:720px;display:flex;gap:32px;align-items:center;justify-content:center;background:linear-gradient(120deg,#12383b,#c7592b)">${image(wide, 980)}${image(narrow, 360)}`,
  );
  await saveWebp(sheet, file);
  for (const page of [ann, bob, sheet]) await page.close();
}

/** At each width, with the drawer open where there is room. */
export async function shootChat(stage, shoot) {
  const { ann, bob } = await playChat(stage, sizes[2], sizes[0]);
  await ann.getByRole("button", { name: "Look inside" }).click();
  await shoot(ann, "chat", sizes[2]);
  await shoot(bob, "chat", sizes[0]);
  const late = await stage.open("chat", "Cy", { ...sizes[1], hash: "#lobby" });
  await late.getByText("nothing is missing").last().waitFor();
  await shoot(late, "chat", sizes[1]);
  for (const page of [ann, bob, late]) await page.close();
}
