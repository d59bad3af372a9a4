/** A window of the chat, used as a person uses it, that counts what goes over the network. */
import type { Browser, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";

/** Generous, for machines that do something else too: nothing waits longer than it must. */
const patienceMs = 60_000;

/** Writes down when WebSockets are opened, by the page's own clock. */
const recordAttempts = `
  globalThis.attemptTimes = [];
  const Original = WebSocket;
  globalThis.WebSocket = class extends Original {
    constructor(...args) {
      attemptTimes.push(performance.now());
      super(...args);
    }
  };
`;

/** Chance from the upper half of its range: delays stay random, but each is longer than the one before. */
const drawUpperHalf = `
  const draw = Math.random;
  Math.random = () => 0.5 + draw() / 2;
`;

export class ChatWindow {
  readonly page: Page;
  readonly requests: string[] = [];
  readonly webSockets: string[] = [];
  readonly faults: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(patienceMs);
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (webSocket) => this.webSockets.push(webSocket.url()));
    page.on("pageerror", (error) => this.faults.push(String(error)));
  }

  /** Opens a window with a browser profile of its own; it closes with the test. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<ChatWindow> {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    await context.addInitScript(recordAttempts);
    await context.addInitScript(drawUpperHalf);
    const window = new ChatWindow(await context.newPage());
    await window.page.goto(url);
    return window;
  }

  /** Opens a window as somebody, and waits until it is live and has read the room. */
  static async join(
    browser: Browser,
    url: string,
    name: string,
    room = "lobby",
    options: BrowserContextOptions = {},
  ): Promise<ChatWindow> {
    const window = await ChatWindow.open(browser, `${url}?as=${name}#${room}`, options);
    await window.untilLive();
    return window;
  }

  /** The version of HTTP that the page came over, as in ALPN. */
  protocol(): Promise<string> {
    return this.page.evaluate('performance.getEntriesByType("navigation")[0].nextHopProtocol');
  }

  async untilLive(): Promise<void> {
    await this.untilStatus(/^Live/);
    await this.page.locator('.timeline[aria-busy="false"]').waitFor();
  }

  /** What is read out about the connection. */
  async status(): Promise<string> {
    return (await this.page.getByTestId("connection").getByRole("status").textContent()) ?? "";
  }

  async untilStatus(pattern: RegExp): Promise<void> {
    await eventually(() => this.status()).toMatch(pattern);
  }

  get composer(): Locator {
    return this.page.getByRole("textbox", { name: /^Message to/ });
  }

  async say(...texts: string[]): Promise<void> {
    for (const text of texts) {
      await this.composer.fill(text);
      await this.composer.press("Enter");
    }
  }

  /** The messages of the open room, top to bottom. */
  texts(): Promise<string[]> {
    return this.page.locator("[data-testid=message] .message-text").allTextContents();
  }

  async untilTexts(texts: string[]): Promise<void> {
    await eventually(() => this.texts()).toEqual(texts);
  }

  /** The messages that wait for a connection. */
  waiting(): Promise<string[]> {
    return this.page.locator("[data-testid=message].waiting .message-text").allTextContents();
  }

  /** Waits until everything said here has arrived in the room. */
  async untilSent(): Promise<void> {
    await eventually(() => this.page.locator("[data-testid=message]:not(.delivered)").count()).toBe(0);
  }

  people(): Promise<string[]> {
    return this.page
      .getByRole("complementary", { name: "People here" })
      .locator(".person-name")
      .allTextContents();
  }

  async position(): Promise<{ epoch: string; offset: number }> {
    const [epoch = "", offset = ""] = ((await this.page.getByTestId("position").textContent()) ?? "").split(
      ":",
    );
    return { epoch, offset: Number(offset) };
  }

  /** The delays before the attempts since the line broke, in milliseconds. */
  async retryDelaysMs(): Promise<number[]> {
    const text = (await this.page.getByTestId("retry-delays").getAttribute("data-delays-ms")) ?? "";
    return text.split(" ").filter(Boolean).map(Number);
  }

  /** When the page opened WebSockets, in milliseconds. */
  attemptTimes(): Promise<number[]> {
    return this.page.evaluate("attemptTimes");
  }
}

/** Looks again until the expectation holds. */
export function eventually<Value>(look: () => Promise<Value>) {
  return expect.poll(look, { timeout: patienceMs, interval: 50 });
}
