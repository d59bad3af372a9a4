/** The chat in real browsers against the real server, each a process of its own. */
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChatWindow, eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { CutLine } from "./cut-line.js";
import { createFolder, ServedChat } from "./served-chat.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 180_000;

const numbered = (start: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${start} ${index + 1}`);

describe.skipIf(!executablePath)("chat in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("carries messages between two windows over one WebSocket each, without another request", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await eventually(() => ann.people()).toEqual(["Ann", "Bo"]);
    const requestsAtLoad = [ann, bo].map(({ requests }) => requests.length);
    const said: string[] = [];
    for (let round = 1; round <= 10; round++) {
      for (const [window, name] of [[ann, "Ann"] as const, [bo, "Bo"] as const]) {
        said.push(`${name} ${round}`);
        await window.say(`${name} ${round}`);
        await Promise.all([ann.untilTexts(said), bo.untilTexts(said)]);
      }
    }
    expect([ann, bo].map(({ requests }) => requests.length)).toEqual(requestsAtLoad);
    expect([ann, bo].map(({ webSockets }) => webSockets.length)).toEqual([1, 1]);
    const { origin } = new URL(url);
    expect(
      ann.requests.every((request) => request.startsWith(`${origin}/`) || request.startsWith("data:")),
    ).toBe(true);
    expect([...ann.faults, ...bo.faults]).toEqual([]);
  });

  it("recovers 20 missed messages in order and once, and sends queued ones once", async () => {
    const { url, port } = await ServedChat.start();
    const line = await CutLine.open(port);
    const ann = await ChatWindow.join(browser, `${line.url}chat/`, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await bo.say("before");
    await ann.untilTexts(["before"]);
    const requestsAtLoad = ann.requests.length;

    line.cut();
    await ann.untilStatus(/^Connecting/);
    await ann.say("written offline");
    await ann.untilTexts(["before", "written offline"]);
    expect(await ann.waiting()).toEqual(["written offline"]);
    const missed = numbered("missed", 20);
    await bo.say(...missed);
    await bo.untilTexts(["before", ...missed]);
    await bo.untilSent();
    expect(await ann.texts()).toEqual(["before", "written offline"]);

    line.mend();
    const all = ["before", ...missed, "written offline"];
    await ann.untilStatus(/^Live, Back: recovered 20 missed messages$/);
    await Promise.all([ann.untilTexts(all), bo.untilTexts(all)]);
    await ann.untilSent();
    expect(ann.requests.length).toBe(requestsAtLoad);

    // The log of the server holds each message once.
    await eventually(() => ann.position()).toMatchObject({ offset: all.length });
    await ann.page.reload();
    await ann.untilLive();
    await ann.untilTexts(all);
    expect([...ann.faults, ...bo.faults]).toEqual([]);
  });

  it("shows that the device is offline, and reconnects when it is online", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await ann.page.context().setOffline(true);
    await ann.untilStatus(/^Offline, this device has no network$/);
    await ann.say("from a tunnel");
    expect(await ann.waiting()).toEqual(["from a tunnel"]);
    await bo.say("are you there?");
    await bo.untilSent();
    await ann.page.context().setOffline(false);
    await ann.untilStatus(/^Live, Back: recovered 1 missed message$/);
    await Promise.all([ann, bo].map((window) => window.untilTexts(["are you there?", "from a tunnel"])));
  });

  it("keeps queued messages across a reload, and sends them once", async () => {
    const { url, port } = await ServedChat.start();
    const line = await CutLine.open(port);
    const ann = await ChatWindow.join(browser, `${line.url}chat/`, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    line.cut();
    await ann.untilStatus(/^Connecting/);
    await ann.say("first", "second");
    await ann.page.reload();
    await ann.untilTexts(["first", "second"]);
    expect(await ann.waiting()).toEqual(["first", "second"]);
    line.mend();
    await Promise.all([ann, bo].map((window) => window.untilTexts(["first", "second"])));
    await ann.untilSent();
    expect((await bo.position()).offset).toBe(2);
  });

  it("reconnects to a restarted server with growing, jittered delays, and shows what was recovered", async () => {
    // Sessions outlast a restart where there is a folder.
    const served = await ServedChat.start({ flags: ["--data", createFolder()] });
    const windows = [
      await ChatWindow.join(browser, served.url, "Ann"),
      await ChatWindow.join(browser, served.url, "Bo"),
    ] as const;
    const [ann, bo] = windows;
    await bo.say("before");
    await ann.untilTexts(["before"]);
    const before = await ann.position();

    await served.end();
    for (const window of windows)
      await eventually(async () => (await window.retryDelaysMs()).length).toBeGreaterThan(3);
    await ann.say("written while the server was away");
    await served.startAgain();
    for (const window of windows) await window.untilStatus(/^Live, Back: /);

    expect((await ann.position()).epoch).toBe(before.epoch);
    for (const window of windows)
      expect(await window.status()).toMatch(/Back: (no messages were missed|recovered \d+ missed)/);

    await bo.say("after");
    for (const window of windows) {
      await eventually(async () => (await window.texts()).sort()).toEqual([
        ...["after", "before", "written while the server was away"],
      ]);
    }

    const delays = await Promise.all(windows.map((window) => window.retryDelaysMs()));
    for (const [index, window] of windows.entries()) {
      const waited = delays[index] ?? [];
      const times = await window.attemptTimes();
      expect(times).toHaveLength(waited.length + 1);
      // The first connection, then the attempts; a timer may be late, but is not early.
      const gaps = times.slice(2).map((time, attempt) => time - (times[attempt + 1] ?? 0));
      for (const [attempt, gap] of gaps.entries())
        expect(gap).toBeGreaterThan((waited[attempt + 1] ?? Number.POSITIVE_INFINITY) - 20);
      // Growing by the doubling range, up to the upper end of 10 s.
      const growing = waited.slice(0, 4);
      expect(growing).toEqual([...growing].sort((a, b) => a - b));
      expect(growing.at(-1)).toBeGreaterThan(2 * (growing[0] ?? 0));
    }
    expect(delays[0]?.slice(0, 4)).not.toEqual(delays[1]?.slice(0, 4));
  });

  it("misses nothing when a server with a store is killed", async () => {
    const served = await ServedChat.start({ flags: ["--data", createFolder()] });
    const ann = await ChatWindow.join(browser, served.url, "Ann");
    await ann.say("before");
    await ann.untilSent();
    const before = await ann.position();
    await served.end();
    await ann.untilStatus(/^(?!Live)/);
    await ann.say("meanwhile");
    await served.startAgain();
    await ann.untilStatus(/^Live, Back: (no messages were missed|recovered \d+ missed)/);
    await ann.untilTexts(["before", "meanwhile"]);
    expect((await ann.position()).epoch).toBe(before.epoch);
    const bo = await ChatWindow.join(browser, served.url, "Bo");
    await bo.untilTexts(["before", "meanwhile"]);
  });

  it("asks for a name once, and can change it", async () => {
    const { url } = await ServedChat.start();
    const window = await ChatWindow.open(browser, url);
    const { page } = window;
    await page.getByRole("button", { name: "Choose a name" }).click();
    const name = page.getByRole("textbox", { name: "Your name" });
    expect(await name.inputValue()).toMatch(/^\w+ \w+$/);
    await name.fill(" ");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("Please enter a name.").waitFor();
    await name.fill("Ann Lee");
    await name.press("Enter");
    await eventually(() => window.people()).toEqual(["Ann Lee"]);
    await page.reload();
    await window.untilLive();
    await page.getByRole("button", { name: "Change name" }).click();
    await name.fill("Annie");
    await name.press("Enter");
    await eventually(() => window.people()).toEqual(["Annie"]);
  });

  it("counts unread messages of other rooms, and shares a room by its address", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo", "tech");
    await bo.say("one", "two");
    await ann.page.getByRole("link", { name: "tech 2 unread" }).click();
    await ann.untilTexts(["one", "two"]);
    expect(new URL(ann.page.url()).hash).toBe("#tech");
    await ann.page.getByRole("textbox", { name: "Name of a room to join" }).fill("tea time");
    await ann.page.getByRole("button", { name: "Join room" }).click();
    await ann.page.getByText("but not a space").waitFor();
    await ann.page.getByRole("textbox", { name: "Name of a room to join" }).fill("tea-time");
    await ann.page.getByRole("button", { name: "Join room" }).click();
    await ann.page.getByRole("heading", { name: "Nobody has said anything here yet" }).waitFor();
    const cy = await ChatWindow.join(browser, url, "Cy", "tea-time");
    await cy.say("found it");
    await ann.untilTexts(["found it"]);
    await ann.page.goBack();
    await ann.untilTexts(["one", "two"]);
  });

  it("shows who is present with the number of their windows, and who has left", async () => {
    const { url } = await ServedChat.start();
    const ann = await ChatWindow.join(browser, url, "Ann");
    const bo = await ChatWindow.join(browser, url, "Bo");
    await eventually(() => ann.people()).toEqual(["Ann", "Bo"]);
    const second = await bo.page.context().newPage();
    await second.goto(`${url}?as=Bo`);
    await ann.page.getByText("2 windows").waitFor();
    await bo.page.context().close();
    await eventually(() => ann.people()).toEqual(["Ann"]);
  });

  it("shows text as text and links as links, whatever is published", async () => {
    const served = await ServedChat.start();
    const ann = await ChatWindow.join(browser, served.url, "Ann");
    const requestsAtLoad = ann.requests.length;
    const html = '<img src="/nothing" onerror="document.title = 1">';
    await ann.say(html, "see http://localhost/x.");
    await ann.untilSent();
    await served.publish("chat:lobby", { id: "1", text: "hi from the shell" });
    await served.publish("chat:lobby", { id: "1", text: "hi again" });
    await served.publish("chat:lobby", 42);
    await served.publish("chat:lobby", { temperature: 21 });
    await ann.page.getByText('"temperature": 21').waitFor();
    await ann.untilTexts([html, "see http://localhost/x.", "hi from the shell", "hi again", "42"]);
    await ann.page.getByText("someone via the command line").waitFor();
    expect(await ann.page.locator(".message img").count()).toBe(0);
    const link = ann.page.locator(".message a");
    expect(await link.getAttribute("href")).toBe("http://localhost/x");
    expect(await link.getAttribute("rel")).toContain("noopener");
    expect(ann.requests.length).toBe(requestsAtLoad);
  });

  it("fits a phone, with panels for rooms and people that the keyboard can close", async () => {
    const { url } = await ServedChat.start();
    const phone = { viewport: { width: 360, height: 740 } };
    const window = await ChatWindow.open(browser, `${url}?as=Ann`, phone);
    const { page } = window;
    const showRooms = page.getByRole("button", { name: "Show rooms" });
    const rooms = page.getByRole("complementary", { name: "Rooms" });
    await showRooms.click();
    await rooms.getByRole("link", { name: "tech" }).waitFor();
    const focused = () => page.evaluate("document.activeElement.getAttribute('aria-label')");
    await eventually(focused).toBe("Close Rooms");
    await page.keyboard.press("Escape");
    await rooms.waitFor({ state: "hidden" });
    await eventually(focused).toBe("Show rooms");
    await showRooms.click();
    await rooms.getByRole("link", { name: "tech" }).waitFor();
    await page.goBack();
    await rooms.waitFor({ state: "hidden" });
    await page.getByRole("heading", { name: "lobby", level: 1 }).waitFor();
    await showRooms.click();
    await rooms.getByRole("link", { name: "tech" }).click();
    await page.getByRole("heading", { name: "tech", level: 1 }).waitFor();
    await rooms.waitFor({ state: "hidden" });
    // A room that was chosen in a sheet is one step, which Back takes back.
    await page.goBack();
    await page.getByRole("heading", { name: "lobby", level: 1 }).waitFor();
    expect(await rooms.isVisible()).toBe(false);
    await page.getByRole("button", { name: "Show people here" }).click();
    await page.getByRole("complementary", { name: "People here" }).getByText("Ann").waitFor();
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
    expect(window.faults).toEqual([]);
  });

  it("loads earlier messages page by page, and keeps the scroll position", async () => {
    const { url } = await ServedChat.start();
    const bo = await ChatWindow.join(browser, url, "Bo");
    const all = numbered("line", 70);
    await bo.say(...all);
    await bo.untilTexts(all);
    await bo.untilSent();
    const ann = await ChatWindow.join(browser, url, "Ann");
    await ann.untilTexts(all.slice(20));
    const earlier = ann.page.getByRole("button", { name: "Load earlier messages" });
    const top = async () => (await ann.page.getByText("line 21", { exact: true }).boundingBox())?.y ?? 0;
    await earlier.focus();
    const before = await top();
    await earlier.press("Enter");
    await ann.untilTexts(all);
    await earlier.waitFor({ state: "detached" });
    // What stood at the top of the view still does: the new lines are above it, out of sight.
    expect(Math.abs((await top()) - before)).toBeLessThan(2);
    await bo.say("news");
    await ann.page.getByRole("button", { name: "1 new message" }).click();
    await eventually(() => ann.page.getByText("news", { exact: true }).isVisible()).toBe(true);
    await ann.page.getByRole("button", { name: "1 new message" }).waitFor({ state: "detached" });
  });

  it("keeps refused messages, shows the reason, and resends on request", async () => {
    const { url } = await ServedChat.start();
    const context = await browser.newContext();
    const page = await context.newPage();
    let isRefusing = true;
    // Stands between page and server, and refuses in the server's place.
    await page.routeWebSocket(/connection\/websocket/, (route) => {
      const server = route.connectToServer();
      route.onMessage((message) => {
        const publish = String(message).match(/^\{"rpc":\{"method":"holdfast.publish".*"id":(\d+)\}$/);
        if (!publish || !isRefusing) server.send(message);
        else route.send(`{"id":${publish[1]},"error":{"code":103,"message":"permission denied"}}`);
      });
    });
    try {
      await page.goto(`${url}?as=Ann`);
      const field = page.getByRole("textbox", { name: /^Message to/ });
      await field.fill("hello");
      await field.press("Enter");
      await page.getByText("Not sent: permission denied (103)").waitFor();
      await page.reload();
      await page.getByText("Not sent: permission denied (103)").waitFor();
      isRefusing = false;
      await page.getByRole("button", { name: "Retry" }).click();
      await page.locator("[data-testid=message].delivered").waitFor();
    } finally {
      await context.close();
    }
  });
});
