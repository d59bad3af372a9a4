// `npm run api-report`: writes what each package exports, from its built types, into api/. `npm run api-report -- --check` only
// compares, and fails where something differs: so a change of what users see is seen in review.
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { fail, prepare, root } from "./prepare.mjs";

const kept = join(root, "api");
const packages = ["packages/holdfast", "packages/client", "packages/lab"];

/** The entries that users import, by the names of their reports: `holdfast`, `holdfast-app`, `client-react` … */
function entries() {
  return packages.flatMap((folder) => {
    const { name, exports } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const stem = name.replace("@holdfast/", "");
    return Object.entries(exports)
      .filter(([path, target]) => typeof target === "object" && path !== "./internal")
      .map(([path, { types }]) => ({
        folder: join(root, folder),
        report: path === "." ? stem : `${stem}-${path.slice(2)}`,
        types: join(root, folder, types),
      }));
  });
}

/** @param {{ folder: string, report: string, types: string }} entry @param {string} into */
function extract({ folder, report, types }, into) {
  const config = ExtractorConfig.prepare({
    configObjectFullPath: join(folder, "api-extractor.json"),
    packageJsonFullPath: join(folder, "package.json"),
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: types,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            module: "nodenext",
            moduleResolution: "nodenext",
            target: "es2022",
            types: ["node"],
            lib: ["es2023", "dom", "dom.iterable"],
            skipLibCheck: true,
          },
          files: [types],
        },
      },
      apiReport: { enabled: true, reportFolder: into, reportTempFolder: into, reportFileName: report },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        compilerMessageReporting: { default: { logLevel: "none" } },
        extractorMessageReporting: { default: { logLevel: "none" } },
        tsdocMessageReporting: { default: { logLevel: "none" } },
      },
    },
  });
  Extractor.invoke(config, {
    localBuild: true,
    showVerboseMessages: false,
    messageCallback: (message) => {
      message.handled = true;
    },
  });
}

prepare();
const made = mkdtempSync(join(tmpdir(), "holdfast-api-"));
for (const entry of entries()) extract(entry, made);
const names = readdirSync(made).filter((name) => name.endsWith(".api.md"));
const read = (folder, name) =>
  existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
if (process.argv.includes("--check")) {
  const all = new Set([...names, ...(existsSync(kept) ? readdirSync(kept) : [])]);
  const changed = [...all].filter((name) => read(made, name) !== read(kept, name));
  rmSync(made, { recursive: true });
  if (changed.length > 0)
    fail(
      `api/ differs from what the packages export: ${changed.join(", ")}. If that is meant, run npm run api-report and commit it.`,
    );
} else {
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(kept);
  for (const name of names) cpSync(join(made, name), join(kept, name));
  rmSync(made, { recursive: true });
  process.stdout.write(`api/: ${names.join(", ")}\n`);
}
