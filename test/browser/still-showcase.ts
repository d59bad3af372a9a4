/** The showcase in the test's own process, with the same content every time: a clock that stands still, and data made up. */

import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { createShowcase } from "../../apps/showcase/server/showcase.js";
import { createServer, type HoldfastServer } from "../../packages/holdfast/src/index.js";

/** Today, since sessions end some weeks later. */
export const stillAt = new Date().setUTCHours(9, 30, 0, 0);
const minute = 60_000;

export class StillShowcase {
  readonly server: HoldfastServer;
  readonly #port: number;

  private constructor(server: HoldfastServer, port: number) {
    this.server = server;
    this.#port = port;
  }

  /** Ends with the test. */
  static async start(): Promise<StillShowcase> {
    // Pages that close while the server does have it fail to tell them so.
    const showcase = createShowcase({ now: () => stillAt, onError: () => {} });
    const { app, routes, traceSocket, moderatorKey } = showcase;
    const pages = join(import.meta.dirname, "../../apps/showcase/dist/pages");
    const server = createServer(app, {
      ...{ port: 0, pages, routes, traceSocket, apiKeys: [moderatorKey] },
    }) as unknown as HoldfastServer;
    showcase.use(server);
    onTestFinished(async () => {
      showcase.stop();
      await server.close();
    });
    const { port } = await server.listen();
    showcase.start();
    return new StillShowcase(server, port);
  }

  /** @param page such as `ticker`; empty for the first */
  url(page: string, search = ""): string {
    return `http://localhost:${this.#port}/${page === "" ? "" : `${page}/`}${search}`;
  }

  /** A page whose clock stands still, too, and which moves nothing. It closes with the test. */
  async open(browser: Browser, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({
      ...{ reducedMotion: "reduce", locale: "en-GB", timezoneId: "UTC" },
      ...options,
    });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.clock.setFixedTime(stillAt);
    return page;
  }

  async #put(channel: string, data: unknown, key?: string): Promise<void> {
    await this.server.publish(channel, data, key === undefined ? {} : { key });
  }

  /** Short and long texts, other scripts, and a word that has nowhere to break. */
  async fillChat(): Promise<void> {
    const ann = { id: "ann", name: "Ann" };
    const said: readonly (readonly [from: { id: string; name: string }, text: string])[] = [
      [ann, "Morning! Is the new scoreboard up?"],
      [
        { id: "bo", name: "Bo" },
        "Yes: https://example.org/a/path/that/does/not/end/and/has/no/spaces/in/it/at/all",
      ],
      [{ id: "bo", name: "Bo" }, "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen".repeat(2)],
      [{ id: "cy", name: "A name of forty characters, which is all" }, "Semi-final: 2 : 1 after extra time."],
      [
        ann,
        "I am on the train, so I may drop out in the tunnel.\n\nBack in daylight, and nothing is missing.",
      ],
    ];
    for (const [index, [from, text]] of said.entries())
      await this.#put("chat:lobby", {
        id: `m${index}`,
        text,
        from,
        sentAt: stillAt - (9 - 2 * index) * minute,
      });
  }

  async fillLeaderboard(): Promise<void> {
    const rows = ["Ann", "Bo", "Cy", "Dee", "A name of forty characters, which is all"];
    for (const [index, name] of rows.entries())
      await this.#put(
        "leaderboard:today",
        { name, points: 40 - 7 * index, pace: index === 2 ? "slow" : "brisk", at: stillAt - index * minute },
        `user-${index}`,
      );
  }

  async fillTicker(): Promise<void> {
    const gib = 2 ** 30;
    for (let second = 120; second >= 0; second--) {
      const at = stillAt - second * 1000;
      const wave = Math.sin(second / 9);
      await this.#put("machine:load", { at, values: { busy: 40 + 25 * wave } });
      await this.#put("machine:memory", { at, values: { used: (5 + wave) * gib, total: 16 * gib } });
      await this.#put("machine:network", {
        at,
        values: { received: 4000 + 3000 * wave, sent: 2000 - 900 * wave },
      });
    }
  }

  async fillCanvas(): Promise<void> {
    for (let stem = 0; stem < 5; stem++) {
      const points = Array.from({ length: 40 }, (_, step) => [
        Math.round(500 + 500 * stem + 90 * Math.sin(step / 5 + stem)),
        1850 - 38 * step,
        50,
      ]).flat();
      const part = { kind: "part", stroke: `stem-${stem}`, n: 0, colour: stem + 1, width: stem % 4, points };
      await this.#put("canvas:harbour", part);
    }
  }

  async fillNotices(user: string): Promise<void> {
    await this.#put(`notices:${user}`, { title: "CI", text: "All tests pass", from: "a program" });
    await this.#put(`notices:${user}`, { text: "The tide turns at nine.", from: { id: "ann", name: "Ann" } });
    await this.#put(`notices:${user}`, {
      text: "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen",
      from: { id: "cy", name: "A name of forty characters, which is all" },
    });
  }
}
