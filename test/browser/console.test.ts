/** The console in a real browser, against a server started as a person starts it: with keys, traffic, and people connected. */
import { Centrifuge } from "centrifuge";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { eventually } from "./chat-window.js";
import { launchArguments } from "./chromium.js";
import { ServedChat } from "./served-chat.js";
import { violationsOf } from "./violations.js";

const executablePath = process.env.HOLDFAST_TEST_CHROMIUM;
const timeLimitMs = 120_000;
const patienceMs = 60_000;
const key = "a key of the console's browser tests";

interface Served {
  readonly origin: string;
  readonly port: number;
  /** Connects somebody, subscribed to channels. */
  connect(user: string, ...channels: string[]): Promise<Centrifuge>;
  publish(channel: string, data: unknown): Promise<{ offset: number }>;
}

async function serve(flags: readonly string[] = []): Promise<Served> {
  const server = await ServedChat.start({ hasShowcase: false, flags: ["--api-keys", key, ...flags] });
  const origin = `http://localhost:${server.port}`;
  return {
    origin,
    port: server.port,
    async connect(user, ...channels) {
      const client = new Centrifuge(`ws://localhost:${server.port}/connection/websocket`, {
        websocket: WebSocket,
        data: { user },
        name: "tests",
        version: "1.2.3",
      });
      onTestFinished(() => client.disconnect());
      client.connect();
      await client.ready();
      for (const channel of channels) {
        const subscription = client.newSubscription(channel);
        subscription.subscribe();
        await subscription.ready();
      }
      return client;
    },
    async publish(channel, data) {
      const response = await fetch(`${origin}/api/publish`, {
        method: "POST",
        headers: { "X-API-Key": key },
        body: JSON.stringify({ channel, data }),
      });
      return ((await response.json()) as { result: { offset: number } }).result;
    },
  };
}

/** A window of the console, which fails the test if its page has an error, or asks for anything it should not. */
class ConsoleWindow {
  readonly page: Page;
  readonly faults: string[] = [];
  readonly urls: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(patienceMs);
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("console", (message) => {
      // Chromium reports refused keys itself.
      const isExpected = /status of 4\d\d|ERR_CONNECTION/.test(message.text());
      if (message.type() === "error" && !isExpected) this.faults.push(message.text());
    });
    page.on("request", (request) => this.urls.push(request.url()));
  }

  static async open(
    browser: Browser,
    origin: string,
    options: BrowserContextOptions = {},
  ): Promise<ConsoleWindow> {
    const context = await browser.newContext({ reducedMotion: "reduce", ...options });
    onTestFinished(() => context.close());
    const window = new ConsoleWindow(await context.newPage());
    await window.page.goto(`${origin}/console/`);
    return window;
  }

  static async enter(
    browser: Browser,
    origin: string,
    options: BrowserContextOptions = {},
  ): Promise<ConsoleWindow> {
    const window = await ConsoleWindow.open(browser, origin, options);
    await window.giveKey(key);
    await window.untilView("Overview");
    return window;
  }

  async giveKey(text: string): Promise<void> {
    await this.page.getByLabel("Key of the server’s API").fill(text);
    await this.page.getByRole("button", { name: "Enter" }).click();
  }

  async untilView(title: string): Promise<void> {
    await this.page.getByRole("heading", { level: 1, name: title }).waitFor();
  }

  async goTo(view: string, title = view): Promise<void> {
    await this.page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: view }).click();
    await this.untilView(title);
  }

  expectNoFaults(): void {
    expect(this.faults).toEqual([]);
    expect([...new Set(this.urls.map((url) => new URL(url).hostname))]).toEqual(["localhost"]);
    expect(this.urls.filter((url) => url.includes(encodeURIComponent(key)) || url.includes(key))).toEqual([]);
  }

  async expectNoSidewaysScroll(): Promise<void> {
    const [scroll, width] = await this.page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(scroll).toBeLessThanOrEqual(width);
  }
}

describe.skipIf(!executablePath)("the console in a browser", { timeout: timeLimitMs }, () => {
  let browser: Browser;

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath as string, args: launchArguments });
  }, timeLimitMs);

  afterAll(async () => {
    await browser?.close();
  }, timeLimitMs);

  it("lets in who has a key, keeps it for the tab, and forgets it when one leaves", async () => {
    const { origin } = await serve();
    const window = await ConsoleWindow.open(browser, origin);
    const { page } = window;
    await window.giveKey("a key that nobody has");
    await page.getByText("The server does not know this key.").waitFor();
    expect(await page.evaluate("sessionStorage.length")).toBe(0);
    await window.giveKey(key);
    await window.untilView("Overview");
    await page.reload();
    await window.untilView("Overview");
    const other = await page.context().newPage();
    await other.goto(`${origin}/console/`);
    await other.getByLabel("Key of the server’s API").waitFor();
    await page.getByRole("button", { name: "Leave" }).click();
    await page.getByLabel("Key of the server’s API").waitFor();
    expect(await page.evaluate("sessionStorage.length + localStorage.length")).toBe(0);
    window.expectNoFaults();
  });

  it("has live figures of connections, publishes and deliveries", async () => {
    const served = await serve();
    await served.connect("ann", "news");
    await served.connect("bo", "news");
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    const figure = (measure: string) =>
      page.getByTestId(`chart-${measure}`).locator(".chart-value").textContent();
    await eventually(() => figure("connections")).toBe("2");
    await eventually(() => figure("subscriptions")).toBe("2");
    let published = 0;
    const traffic = setInterval(() => void served.publish("news", ++published), 50);
    onTestFinished(() => clearInterval(traffic));
    await eventually(async () => Number.parseFloat((await figure("published")) ?? "0")).toBeGreaterThan(0);
    await eventually(async () => Number.parseFloat((await figure("delivered")) ?? "0")).toBeGreaterThan(0);
    const line = page.getByTestId("chart-delivered").locator("polyline");
    await eventually(
      async () => ((await line.getAttribute("points")) ?? "").split(" ").length,
    ).toBeGreaterThan(2);
    await page.getByText("Nothing is wrong that the nodes know of.").waitFor();
    window.expectNoFaults();
  });

  it("finds a channel, publishes to it, follows it live, and removes its history", async () => {
    const served = await serve();
    const ann = await served.connect("ann", "chat:lobby", "chat:garden", "news");
    for (const text of ["one", "two"]) await served.publish("chat:lobby", { text });
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    await window.goTo("Channels");
    await page.getByRole("searchbox", { name: "Search by name" }).fill("lob");
    await eventually(() => page.locator("table.list tbody tr").count()).toBe(1);
    const row = page.locator("table.list tbody tr");
    expect(await row.locator("td").first().textContent()).toBe("1");
    await row.getByRole("link", { name: "chat:lobby" }).click();
    await window.untilView("chat:lobby");
    const rows = page.getByTestId("publications").locator("li");
    await eventually(() => rows.count()).toBe(2);
    expect(await rows.first().textContent()).toContain('{"text":"two"}');
    await page.getByRole("button", { name: "Follow live" }).click();
    await page.getByText("Following: what is published appears here at once.").waitFor();
    const received = new Promise((resolve) =>
      ann.getSubscription("chat:lobby")?.once("publication", ({ data }) => resolve(data)),
    );
    await page.getByText("Publish", { exact: true }).first().click();
    await page.getByLabel("Data, as JSON").fill("hello");
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText(/^This is invalid JSON/).waitFor();
    await page.getByLabel("Data, as JSON").fill('{"text":"from the console"}');
    await page.getByRole("button", { name: "Publish" }).click();
    await page.getByText("Published to chat:lobby at offset 3.").waitFor();
    expect(await received).toEqual({ text: "from the console" });
    await eventually(() => rows.first().textContent()).toContain("from the console");
    await served.publish("chat:lobby", { text: "by a program" });
    await eventually(() => rows.first().textContent()).toContain("by a program");
    await eventually(() => page.getByTestId("head").textContent()).toBe("4");
    await page.getByRole("button", { name: "Remove history" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove history" }).click();
    await page.getByText("The history of chat:lobby was removed.").waitFor();
    await page.getByText("Nothing is kept in this channel.").waitFor();
    window.expectNoFaults();
  });

  it("pages through channels, and finds one that has no subscribers by its name", async () => {
    const served = await serve(["--max-connection-channels", "500"]);
    const client = await served.connect("ann");
    const names = Array.from({ length: 120 }, (_, i) => `room:${String(i).padStart(3, "0")}`);
    await Promise.all(
      names.map(async (name) => {
        const subscription = client.newSubscription(name);
        subscription.subscribe();
        await subscription.ready();
      }),
    );
    await served.publish("empty:room", 1);
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    await window.goTo("Channels");
    const first = page.locator("table.list tbody th a").first();
    await eventually(() => first.textContent()).toBe("room:000");
    for (const name of ["room:050", "room:100"]) {
      await page.getByRole("button", { name: "Next" }).click();
      await eventually(() => first.textContent()).toBe(name);
    }
    expect(await page.getByRole("button", { name: "Next" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Previous" }).click();
    await eventually(() => first.textContent()).toBe("room:050");
    await page.getByRole("searchbox", { name: "Search by name" }).fill("empty:room");
    await page.getByText("No channel with subscribers matches.").waitFor();
    await page.getByRole("link", { name: "empty:room" }).click();
    await window.untilView("empty:room");
    await eventually(() => page.getByTestId("publications").locator("li").count()).toBe(1);
    window.expectNoFaults();
  });

  it("finds a user's connections, sends a message, and disconnects", async () => {
    const served = await serve();
    const ann = await served.connect("ann", "news");
    await served.connect("bo", "news");
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    await window.goTo("Connections");
    await eventually(() => page.getByTestId("connections").locator("tbody tr").count()).toBe(2);
    await page.getByRole("searchbox", { name: "User" }).fill("an");
    await eventually(() => page.getByTestId("connections").locator("tbody tr").count()).toBe(1);
    const row = page.getByTestId("connections").locator("tbody tr");
    expect(await row.textContent()).toContain("tests 1.2.3");
    await row.getByRole("link", { name: /^ann/ }).click();
    await window.untilView("ann");
    await page.getByText("127.0.0.1").or(page.getByText("::1")).first().waitFor();
    await page.getByRole("link", { name: "news", exact: true }).waitFor();
    await page.getByText("live", { exact: true }).waitFor();
    const message = new Promise((resolve) => ann.once("message", ({ data }) => resolve(data)));
    await page.getByRole("button", { name: "Send a message" }).click();
    await page.getByLabel("Data, as JSON").fill('{"hello":"ann"}');
    await page.getByRole("button", { name: "Send", exact: true }).click();
    await page.getByText("The message was sent.").waitFor();
    expect(await message).toEqual({ hello: "ann" });
    const ended = new Promise<number>((resolve) => ann.once("disconnected", ({ code }) => resolve(code)));
    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
    await page.getByText("The connection of ann was ended.").waitFor();
    expect(await ended).toBe(3503);
    await page.getByText("is not open any more.").waitFor();
    window.expectNoFaults();
  });

  it("says why somebody did not get a message", async () => {
    const served = await serve();
    await served.publish("news", "before");
    await served.connect("ann", "news");
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    await window.goTo("Why", "Why did it not arrive?");
    await page.getByLabel("Channel").fill("news");
    await page.getByLabel("User id").fill("ann");
    await page.getByLabel("Offset").fill("none");
    await page.getByRole("button", { name: "Ask" }).click();
    await page.getByText("The offset must be a number of at least 1.").waitFor();
    await page.getByLabel("Offset").fill("1");
    await page.getByRole("button", { name: "Ask" }).click();
    await eventually(() => page.getByTestId("why-sentence").textContent()).toMatch(
      /^ann did not get publication 1 of news/,
    );
    await page.getByText("connected", { exact: true }).waitFor();
    expect(page.url()).toContain("channel=news&user=ann&offset=1");
    window.expectNoFaults();
  });

  it("shows nodes and the configuration, without secrets", async () => {
    const served = await serve(["--trusted-proxies", "loopback"]);
    const window = await ConsoleWindow.enter(browser, served.origin);
    const { page } = window;
    await window.goTo("Nodes", "Nodes and store");
    await page.getByTestId("nodes").getByText("up", { exact: true }).waitFor();
    await window.goTo("Configuration");
    await page.getByText("api (admin)").waitFor();
    await page.getByLabel("Only those that were set").check();
    await page.getByText("loopback", { exact: true }).waitFor();
    expect(await page.getByText("maxFragments").count()).toBe(0);
    await page.getByRole("searchbox", { name: "Search options" }).fill("nothing of the kind");
    await page.getByText("No option matches.").waitFor();
    expect(await page.content()).not.toContain(key);
    window.expectNoFaults();
  });

  it("says that the server is away, and goes on when it is back", async () => {
    const server = await ServedChat.start({ hasShowcase: false, flags: ["--api-keys", key] });
    const window = await ConsoleWindow.enter(browser, `http://localhost:${server.port}`);
    const { page } = window;
    await page.getByTestId("chart-connections").waitFor();
    await server.end();
    await page
      .getByText("The server cannot be reached. What you see is not current; trying again …")
      .waitFor();
    await server.startAgain();
    await page.getByText("What you see is not current").waitFor({ state: "detached" });
    window.expectNoFaults();
  });

  it("can be used by keyboard alone", async () => {
    const served = await serve();
    await served.connect("ann", "news");
    const window = await ConsoleWindow.open(browser, served.origin);
    const { page } = window;
    const { keyboard } = page;
    await page.getByLabel("Key of the server’s API").waitFor();
    await keyboard.type(key);
    await keyboard.press("Enter");
    await window.untilView("Overview");
    const skip = page.locator(".skip:focus");
    // Where Tab begins after a form that is gone is the browser's choice.
    for (let presses = 0; presses < 60 && (await skip.count()) === 0; presses++) await keyboard.press("Tab");
    await skip.waitFor();
    await page.getByRole("link", { name: "Channels", exact: true }).focus();
    await keyboard.press("Enter");
    await window.untilView("Channels");
    // A view that is opened has the focus at its heading.
    await page.locator("h1:focus").waitFor();
    await keyboard.press("Tab");
    await keyboard.type("news");
    await page.locator("table.list tbody a").first().focus();
    await keyboard.press("Enter");
    await window.untilView("news");
    await page.getByRole("button", { name: "Remove history" }).focus();
    await keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    window.expectNoFaults();
  });

  it.each([
    ["light", 1280],
    ["dark", 360],
  ] as const)(
    "keeps nobody out (WCAG 2.2 AA), and fits the window: %s, %i px",
    async (colorScheme, width) => {
      const served = await serve();
      await served.connect(
        "ann",
        "news",
        "a-channel-with-a-name-that-is-as-long-as-some-applications-make-them:0123456789",
      );
      await served.publish("news", { text: "hello", more: "x".repeat(300) });
      const options = { colorScheme, viewport: { width, height: 800 } };
      const window = await ConsoleWindow.open(browser, served.origin, options);
      const { page } = window;
      const look = async (where: string) => {
        expect([where, await violationsOf(page)]).toEqual([where, []]);
        await window.expectNoSidewaysScroll();
      };
      await page.getByRole("button", { name: "Enter" }).waitFor();
      await look("entrance");
      await window.giveKey(key);
      await page.getByTestId("chart-connections").waitFor();
      await look("overview");
      await window.goTo("Channels");
      await page.locator("table.list tbody tr").first().waitFor();
      await look("channels");
      await page.getByRole("link", { name: "news", exact: true }).click();
      await page.getByTestId("publications").waitFor();
      await page.getByTestId("connections").waitFor();
      await look("channel");
      await page.getByRole("button", { name: "Remove history" }).click();
      await page.getByRole("dialog").waitFor();
      await look("dialog");
      await page.keyboard.press("Escape");
      await window.goTo("Connections");
      await page.getByTestId("connections").getByRole("link", { name: /^ann/ }).click();
      await window.untilView("ann");
      await look("connection");
      await window.goTo("Why", "Why did it not arrive?");
      await look("why");
      await window.goTo("Nodes", "Nodes and store");
      await page.getByTestId("nodes").getByText("up", { exact: true }).waitFor();
      await look("nodes");
      await window.goTo("Configuration");
      await page.getByText("api (admin)").waitFor();
      await look("configuration");
      window.expectNoFaults();
    },
  );
});
