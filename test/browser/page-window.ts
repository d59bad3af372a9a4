/** A window of any page of the showcase, in a browser profile of its own, used as a person uses it. */
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect, onTestFinished } from "vitest";
import { eventually } from "./chat-window.js";

const patienceMs = 60_000;

export class PageWindow {
  readonly page: Page;
  /** Errors that nothing in the page has caught. */
  readonly faults: string[] = [];
  /** Hosts that were asked for anything. */
  readonly hosts = new Set<string>();

  private constructor(page: Page) {
    this.page = page;
    page.setDefaultTimeout(patienceMs);
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("request", (request) => this.hosts.add(new URL(request.url()).hostname));
  }

  /** Opens a page as somebody, and waits until its line is live; it closes with the test. */
  static async join(
    browser: Browser,
    url: string,
    name: string,
    options: BrowserContextOptions = {},
  ): Promise<PageWindow> {
    const context = await browser.newContext(options);
    onTestFinished(() => context.close());
    const window = new PageWindow(await context.newPage());
    await window.page.goto(`${url}?as=${encodeURIComponent(name)}`);
    await window.untilLive();
    return window;
  }

  /** What is read out about the connection. */
  async status(): Promise<string> {
    return (await this.page.getByTestId("connection").getByRole("status").textContent()) ?? "";
  }

  async untilStatus(pattern: RegExp): Promise<void> {
    await eventually(() => this.status()).toMatch(pattern);
  }

  async untilLive(): Promise<void> {
    await this.untilStatus(/^Live/);
  }

  /** Cuts the line, as the page's own button does, and waits until it is gone; it comes back by itself after some seconds. */
  async cutTheLine(): Promise<void> {
    await this.page.getByRole("button", { name: "Cut the line for six seconds" }).click();
    await this.untilStatus(/^Connecting/);
  }

  /** Nothing of the page may be wider than the window. */
  async expectNoSidewaysScroll(): Promise<void> {
    const [scroll, width] = await this.page.evaluate<[number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    expect(scroll).toBeLessThanOrEqual(width);
  }

  expectNoFaults(): void {
    expect(this.faults).toEqual([]);
    expect([...this.hosts]).toEqual(["localhost"]);
  }
}
