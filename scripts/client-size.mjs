// `node scripts/client-size.mjs`: what `@holdfast/client` weighs in a browser, bundled and compressed; fails above the bound.
// The bundle is made from the built package with the conditions of a browser, as an application's bundler would.
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { root } from "./prepare.mjs";

/** About a tenth above what was measured; the SDK is most of it. */
const maxGzipBytes = 32_800;

const part = {
  client: 'export { connect } from "@holdfast/client";',
  sdk: 'export { Centrifuge } from "centrifuge";',
};

/**
 * @param {string} source what a page would write
 * @returns {Promise<{ code: string, bytes: number, gzipBytes: number, modules: string[] }>}
 */
async function bundle(source) {
  const output = await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === "virtual:entry" ? "\0entry" : undefined),
        load: (id) => (id === "\0entry" ? source : undefined),
      },
    ],
    build: {
      write: false,
      target: "es2022",
      rolldownOptions: { input: "virtual:entry", preserveEntrySignatures: "strict" },
      minify: true,
    },
  });
  const { output: chunks } = /** @type {any} */ (output);
  const code = chunks.map((/** @type {any} */ chunk) => chunk.code ?? "").join("");
  const modules = chunks.flatMap((/** @type {any} */ chunk) => Object.keys(chunk.modules ?? {}));
  return { code, bytes: code.length, gzipBytes: gzipSync(code).length, modules };
}

const client = await bundle(part.client);
const sdk = await bundle(part.sdk);
console.log(
  `@holdfast/client: ${client.gzipBytes} bytes gzipped (${client.bytes} minified); centrifuge alone ${sdk.gzipBytes}; bound ${maxGzipBytes}`,
);
const foreign = client.modules.filter((id) => /^node:|__vite-browser-external|dist\/websocket/.test(id));
if (foreign.length > 0) console.error(`no page can load ${foreign.join(", ")}`);
if (client.gzipBytes > maxGzipBytes) console.error(`above the bound of ${maxGzipBytes} bytes`);
if (client.gzipBytes > maxGzipBytes || foreign.length > 0) process.exitCode = 1;
