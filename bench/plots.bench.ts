/**
 * Measures nothing: draws what the other benchmarks have written to bench/results, a plot for each file, as it stands there.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { draw } from "./reports/drawings.js";
import { readMeasurements } from "./reports/measurements.js";
import { readOptions, runBench, UsageError } from "./support/command.js";

const description = {
  name: "plots",
  about: "Draws a plot of each file of measurements.",
  options: {
    results: { value: "DIR", default: "bench/results", about: "where the measurements are" },
    images: { value: "DIR", default: "docs/images", about: "where the plots go, as bench-NAME.svg" },
  },
};

await runBench(async () => {
  const options = readOptions(description);
  const [results = "", images = ""] = [options.text("results"), options.text("images")];
  const files = filesIn(results).filter((file) => file.endsWith(".json"));
  if (files.length === 0)
    throw new UsageError(`There are no measurements in ${results}; every other benchmark writes some.`);
  mkdirSync(images, { recursive: true });
  for (const file of files.sort()) {
    const drawn = draw(readMeasurements(join(results, file)));
    if (drawn === undefined) {
      console.log(`${file}: there is no plot of this benchmark`);
      continue;
    }
    const image = join(images, `bench-${basename(file, ".json")}.svg`);
    writeFileSync(image, drawn);
    console.log(`${file} → ${image}`);
  }
});

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
