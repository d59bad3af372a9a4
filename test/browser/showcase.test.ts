/** Logins, private rooms and moderation in real browsers, each person in one of their own. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keysFileName } from "../../apps/showcase/server/showcase.js";
import { ChatWindow, eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { CutLine } from "./cut-line.js";
import { createFolder, ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;
const key = "a key for the moderators of tests";

const roomLink = ({ page }: ChatWindow, title: string) =>
  page.getByRole("navigation", { name: "Rooms" }).getByRole("link", { name: new RegExp(`^${title}`) });

async function createRoom({ page }: ChatWindow, title: string): Promise<string> {
  await page.getByRole("textbox", { name: "Title of a private room to create" }).fill(title);
  await page.getByRole("button", { name: "Create private room" }).click();
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();
  return new URL(page.url()).hash;
}

async function invite({ page }: ChatWindow, name: string): Promise<void> {
  await page.getByRole("textbox", { name: "Invite somebody by name" }).fill(name);
  await page.getByRole("button", { name: "Invite" }).click();
}

async function moderate({ page }: ChatWindow, given: string): Promise<void> {
  await page.getByRole("button", { name: "Moderate" }).click();
  await page.getByLabel("Moderator key").fill(given);
  await page.getByRole("dialog").getByRole("button", { name: "Moderate" }).click();
}

describe.skipIf(!executablePath)("showcase in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("respects the base path", async () => {
    const { port } = await ServedChat.start({ flags: ["--base-path", "/rt"] });
    const page = await browser.newPage();
    const elsewhere: string[] = [];
    const note = (asked: { url(): string }) => {
      const { pathname } = new URL(asked.url());
      if (!pathname.startsWith("/rt/") && pathname !== "/rt") elsewhere.push(pathname);
    };
    page.on("request", (request) => request.url().startsWith("http") && note(request));
    page.on("websocket", note);
    await page.goto(`http://localhost:${port}/rt`);
    await page.getByRole("link", { name: "Chat" }).first().click();
    await page.getByText("Nobody has said anything here yet").waitFor();
    expect(await page.locator("pre.shell").innerText()).toContain(`--url http://localhost:${port}/rt/`);
    await page.goto(`http://localhost:${port}/rt/notices/`);
    await page.getByText(`http://localhost:${port}/rt/api/publish`).waitFor();
    expect(elsewhere).toEqual([]);
    await page.close();
  });

  it("reserves a name for one browser at a time, by keyboard alone, until logout", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.open(browser, url);
    // A guest may look; writing asks for a name.
    await ann.page.getByText("You are a guest").waitFor();
    await ann.page.getByRole("textbox", { name: "Message to lobby" }).focus();
    await ann.page.keyboard.type("hello");
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("textbox", { name: "Your name" }).waitFor();
    await eventually(() => ann.page.evaluate("document.activeElement.id")).toBe("name-field");
    await ann.page.keyboard.type("Ann");
    await ann.page.keyboard.press("Enter");
    await ann.untilTexts(["hello"]);
    await ann.untilLive();
    const cookies = await ann.page.context().cookies();
    expect(cookies).toMatchObject([
      { name: "holdfast_chat", httpOnly: true, sameSite: "Lax", secure: false },
    ]);
    expect(await ann.page.evaluate("document.cookie")).toBe("");

    const other = await ChatWindow.open(browser, url);
    await other.page.getByRole("button", { name: "Choose a name" }).click();
    const name = other.page.getByRole("textbox", { name: "Your name" });
    await name.fill("ANN");
    await name.press("Enter");
    await other.page.getByText("Somebody else has that name at the moment.").waitFor();

    // A second window of the same browser is the same person, and leaves with the first.
    const second = await ann.page.context().newPage();
    await second.goto(url);
    await ann.page.getByText("2 windows").waitFor();
    await ann.page.getByRole("button", { name: "Log out" }).click();
    for (const page of [ann.page, second]) await page.getByText("You are a guest").waitFor();
    await other.page.getByRole("button", { name: "Go on" }).click();
    await other.untilLive();
    await eventually(() => other.people()).toContain("ANN");
    expect([...ann.faults, ...other.faults]).toEqual([]);
  });

  it("opens a private room to invited users only, without a reload", async () => {
    const { url } = await ServedChat.start();
    const [ann, bo, cy] = (await Promise.all(
      ["Ann", "Bo", "Cy"].map((name) => ChatWindow.join(browser, url, name)),
    )) as [ChatWindow, ChatWindow, ChatWindow];
    const hash = await createRoom(ann, "Plans");
    await ann.untilLive();
    await invite(ann, "Nobody");
    await ann.page.getByText("There is nobody named Nobody.").waitFor();
    await invite(ann, "bo");
    await bo.page.getByText("Ann invited you to Plans.").waitFor();
    await bo.page.getByTestId("invitation").getByRole("button", { name: "Open" }).click();
    await bo.page.getByRole("heading", { name: "Plans", level: 1 }).waitFor();
    expect(await bo.page.getByTestId("invitation").count()).toBe(0);
    expect(await ann.page.getByTestId("invitation").count()).toBe(0);
    await bo.untilLive();
    await ann.say("just us");
    await bo.untilTexts(["just us"]);
    await bo.say("yes");
    await ann.untilTexts(["just us", "yes"]);
    expect(await bo.page.getByRole("textbox", { name: "Invite somebody by name" }).count()).toBe(0);

    // Who knows the address is refused by the server, and told nothing.
    expect(await roomLink(cy, "Plans").count()).toBe(0);
    await cy.page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
    await cy.page.getByText("This room could not be joined: permission denied").waitFor();
    expect(await cy.texts()).toEqual([]);
    expect(await cy.page.getByText("Plans").count()).toBe(0);

    await ann.page.getByRole("button", { name: "Remove Bo from the room" }).click();
    await roomLink(bo, "Plans").waitFor({ state: "detached" });
    await bo.page.getByRole("heading", { name: "lobby", level: 1 }).waitFor();
    // And who was refused is let in as soon as that is allowed.
    await invite(ann, "Cy");
    await cy.untilTexts(["just us", "yes"]);
    await ann.page.getByRole("button", { name: "End this room" }).click();
    await ann.page.getByRole("button", { name: "Yes, end this room" }).click();
    for (const window of [ann, cy]) await roomLink(window, "Plans").waitFor({ state: "detached" });
    expect([...ann.faults, ...bo.faults, ...cy.faults]).toEqual([]);
  });

  it("misses nothing in a private room after a lost connection", async () => {
    const { url, port } = await ServedChat.start();
    const line = await CutLine.open(port);
    const ann = await ChatWindow.join(browser, `${line.url}chat/`, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await createRoom(ann, "Plans");
    await invite(ann, "Bo");
    await roomLink(bo, "Plans").click();
    await bo.say("before");
    await ann.untilTexts(["before"]);
    line.cut();
    await ann.untilStatus(/^Connecting/);
    await ann.say("written offline");
    await bo.say("missed 1", "missed 2", "missed 3");
    await bo.untilSent();
    line.mend();
    const all = ["before", "missed 1", "missed 2", "missed 3", "written offline"];
    await Promise.all([ann.untilTexts(all), bo.untilTexts(all)]);
    expect(await ann.status()).toMatch(/^Live, Back: recovered 3 missed messages$/);
  });

  it("removes a message for everyone when a moderator deletes it, absent users included", async () => {
    const { url, port } = await ServedChat.start({ flags: ["--api-keys", key] });
    const line = await CutLine.open(port);
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    const cy = await ChatWindow.join(browser, `${line.url}chat/`, "Cy");
    await bo.say("good words", "bad words");
    for (const window of [ann, bo, cy]) await window.untilTexts(["good words", "bad words"]);
    await moderate(ann, "not the key of this server");
    await ann.page.getByText("That is not a key of this server.").waitFor();
    await ann.page.getByLabel("Moderator key").fill(key);
    await ann.page.keyboard.press("Enter");
    await ann.page.getByRole("button", { name: "Done" }).click();
    line.cut();
    await cy.untilStatus(/^Connecting/);
    await ann.page.getByText("bad words").hover();
    await ann.page.getByRole("button", { name: "Delete message: bad words" }).click();
    for (const window of [ann, bo]) await window.untilTexts(["good words"]);
    line.mend();
    await cy.untilTexts(["good words"]);
    const late = await ChatWindow.join(browser, url, "Late");
    await late.untilTexts(["good words"]);
    await late.page.getByText("A moderator has deleted this message").waitFor();

    await ann.page.getByRole("button", { name: "Moderate" }).click();
    await ann.page.getByRole("button", { name: "Clear the room" }).click();
    await ann.page.getByRole("button", { name: "Delete all messages" }).click();
    for (const window of [ann, bo, cy, late]) {
      await window.page.getByText("A moderator has cleared this room").waitFor();
      await window.untilTexts([]);
    }
    // The key is this window's alone.
    expect(await ann.page.evaluate("JSON.stringify(localStorage)")).not.toContain(key);
    expect([...ann.faults, ...bo.faults, ...cy.faults]).toEqual([]);
  });

  it("mutes and bans", async () => {
    const data = createFolder();
    const { url } = await ServedChat.start({ flags: ["--data", data] });
    const kept = JSON.parse(readFileSync(join(data, keysFileName), "utf8")) as { moderatorKey: string };
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await moderate(ann, kept.moderatorKey);
    await ann.page.getByRole("button", { name: "Done" }).click();
    await ann.page.getByRole("button", { name: "Mute Bo" }).click();
    await ann.page.getByRole("button", { name: "Unmute Bo" }).waitFor();
    await bo.say("hello?");
    await bo.page.getByText("Not sent: a moderator has muted you (403)").waitFor();
    await ann.page.getByRole("button", { name: "Unmute Bo" }).click();
    await ann.page.getByRole("button", { name: "Mute Bo", exact: true }).waitFor();
    await bo.page.getByRole("button", { name: "Retry" }).click();
    await ann.untilTexts(["hello?"]);
    await ann.page.getByRole("button", { name: "Ban Bo" }).click();
    await bo.untilStatus(/^Offline, a moderator has banned you/);
    await eventually(() => ann.people()).toEqual(["Ann"]);
    await bo.page.getByRole("button", { name: "Connect again" }).click();
    await bo.untilStatus(/^Offline, .*a moderator has banned you/);
    await ann.page.getByRole("button", { name: "Moderate" }).click();
    await ann.page.getByRole("button", { name: "Lift: Bo" }).click();
    await ann.page.getByText("Nobody.", { exact: true }).waitFor();
    await bo.page.getByRole("button", { name: "Connect again" }).click();
    await bo.untilLive();
  });

  it("waits in slow mode, then sends", async () => {
    const { url } = await ServedChat.start({ flags: ["--api-keys", key] });
    const ann = await ChatWindow.join(browser, url, "Ann");
    await moderate(ann, key);
    await ann.page.getByLabel("Each person may write").selectOption("every 5 s");
    await ann.page.getByRole("button", { name: "Done" }).click();
    const bo = await ChatWindow.join(browser, url, "Bo");
    await bo.say("one", "two");
    await eventually(() => bo.waiting()).toEqual(["two"]);
    await ann.untilTexts(["one", "two"]);
    await bo.untilSent();
  });

  it("logs in again by itself when the server has lost its data, and keeps drafts", async () => {
    const served = await ServedChat.start();
    const ann = await ChatWindow.join(browser, served.url, "Ann");
    await ann.say("before");
    await ann.untilSent();
    await served.end();
    await ann.untilStatus(/^Connecting/);
    await ann.say("meanwhile");
    await served.startAgain();
    await ann.untilLive();
    await ann.untilSent();
    const bo = await ChatWindow.join(browser, served.url, "Bo");
    await bo.untilTexts(["meanwhile"]);
    await eventually(() => bo.people()).toEqual(["Bo", "Ann"]);
    expect(ann.faults).toEqual([]);
  });

  it("starts with a page that links to the chat and works without scripts", async () => {
    const { url } = await ServedChat.start();
    const window = await ChatWindow.open(browser, new URL("/", url).href, { javaScriptEnabled: false });
    const { page } = window;
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByRole("link", { name: "Chat", exact: true }).first().click();
    await page.waitForURL(url);
    const { page: again } = await ChatWindow.open(browser, url.slice(0, -1));
    await again.waitForURL(url);
    await again.getByRole("link", { name: "Holdfast" }).click();
    await again.waitForURL(new URL("/", url).href);
    await again.getByRole("heading", { level: 1, name: /keeps the line open/ }).waitFor();
  });
});
