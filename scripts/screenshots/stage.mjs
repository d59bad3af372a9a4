// What all pictures are taken on: the built showcase in memory, a browser, and a line to it that can be cut.
import { writeFileSync } from "node:fs";
import { connect, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { ensureChromium } from "../chromium.mjs";
import { fail, root } from "../prepare.mjs";

/** Width and height of windows, and how they are called in names of files. */
export const sizes = [
  { name: "phone", width: 360, height: 740, colorScheme: "dark", hasTouch: true },
  { name: "tablet", width: 820, height: 1100, colorScheme: "light" },
  { name: "desktop", width: 1440, height: 900, colorScheme: "light" },
];

export async function openStage() {
  const executablePath = ensureChromium() ?? fail("Pictures need a browser.");
  const { createServer } = await import(join(root, "packages/holdfast/dist/index.js"));
  const { createShowcase } = await import(join(root, "apps/showcase/dist/server/showcase.js"));
  const showcase = createShowcase();
  const { app, routes, traceSocket, use, moderatorKey } = showcase;
  const server = createServer(app, {
    port: 0,
    pages: join(root, "apps/showcase/dist/pages"),
    routes,
    traceSocket,
    apiKeys: [moderatorKey],
  });
  use(server);
  const { port } = await server.listen();
  showcase.start();
  const line = await openLine(port);
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  return {
    browser,
    line,
    server,
    /** Opens a page of the showcase as somebody, once its line is live. */
    async open(
      page,
      name,
      { width, height, colorScheme, at = port, hash = "", scale = 1, hasTouch = false },
    ) {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme,
        deviceScaleFactor: scale,
        hasTouch,
      });
      const opened = await context.newPage();
      opened.setDefaultTimeout(60_000);
      await opened.goto(
        `http://localhost:${at}/${page}${page ? "/" : ""}?as=${encodeURIComponent(name)}${hash}`,
      );
      if (page) await opened.getByText("Live", { exact: true }).first().waitFor();
      return opened;
    },
    async close() {
      await browser.close();
      line.close();
      showcase.stop();
      await server.close();
    },
  };
}

/** Takes a picture small enough for the repository. @param page of a browser @param {string} file a WebP */
export async function saveWebp(page, file) {
  const png = (await page.screenshot()).toString("base64");
  const blank = await page.context().browser().newPage();
  const webp = await blank.evaluate(async (data) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height);
    canvas.getContext("2d").drawImage(image, 0, 0);
    const blob = await canvas.convertToBlob({ type: "image/webp", quality: 0.82 });
    return Array.from(new Uint8Array(await blob.arrayBuffer()));
  }, png);
  await blank.close();
  writeFileSync(file, Uint8Array.from(webp));
}

async function openLine(target) {
  const lines = new Set();
  let isCut = false;
  const proxy = createTcpServer((near) => {
    const far = connect(target, "127.0.0.1");
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
  return {
    port: proxy.address().port,
    cut() {
      isCut = true;
      for (const each of lines) each.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
    close: () => proxy.close(),
  };
}
