// Brings the version of packages/holdfast to everything else that names it: the packages, the example of an image, and the chart.
// `--check` changes nothing, and fails where one differs.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const isCheck = process.argv.includes("--check");
const { version } = JSON.parse(readFileSync(join(root, "packages/holdfast/package.json"), "utf8"));
const number = String.raw`\d+\.\d+\.\d+(?:-[\w.]+)?`;

/** What stands before and after the version in each file. */
const places = [
  ...["package.json", "create-holdfast/package.json", "apps/showcase/package.json"].map((file) => [
    file,
    '"version": "',
    '"',
  ]),
  ...["packages/client/package.json", "packages/lab/package.json"].map((file) => [file, '"version": "', '"']),
  ["packages/lab/package.json", '"holdfast": "', '"'],
  ["packages/holdfast/package.json", '"@holdfast/lab": "', '"'],
  ...["holdfast", "@holdfast/client", "@holdfast/lab"].map((name) => [
    "apps/showcase/package.json",
    `"${name}": "`,
    '"',
  ]),
  ["packages/holdfast/src/server/version.ts", 'version = "', '"'],
  ["examples/compose/Dockerfile", "holdfast@", " "],
  ["examples/kubernetes/deployment.yaml", "/holdfast:", "\n"],
  ["examples/helm/holdfast/Chart.yaml", "\nversion: ", "\n"],
  ["examples/helm/holdfast/Chart.yaml", "appVersion: ", "\n"],
  ["examples/helm/holdfast/values.yaml", "tag: ", "\n"],
];

let differing = 0;
for (const [file, before, after] of places) {
  const path = join(root, file);
  const text = readFileSync(path, "utf8");
  const escaped = (part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const place = new RegExp(`(${escaped(before)})${number}(?=${escaped(after)})`);
  if (!place.test(text)) continue;
  const changed = text.replace(place, (_, kept) => `${kept}${version}`);
  if (changed === text) continue;
  differing++;
  if (isCheck)
    console.error(`${file} does not name version ${version} after ${JSON.stringify(before.trim())}`);
  else writeFileSync(path, changed);
}
if (isCheck && differing > 0) process.exitCode = 1;
