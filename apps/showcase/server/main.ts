/** What `npm start` runs: the showcase, with the flags of `holdfast serve`. */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import {
  endQuietlyWithoutReader,
  runCommand,
  runServe,
  type ServerFlags,
  withServerFlags,
} from "holdfast/internal";
import { showcaseExtension } from "./command.js";

const pages = fileURLToPath(new URL("../pages", import.meta.url));

function createProgram(): Command {
  return withServerFlags(new Command("npm start --"))
    .description(
      "Serves the showcase: chat, leaderboard, canvas, ticker, notifications, and the lab in a browser.",
    )
    .exitOverride()
    .action((flags: ServerFlags) =>
      runServe(flags, (configuration) => showcaseExtension(configuration, pages)),
    );
}

endQuietlyWithoutReader();
process.exitCode = await runCommand(createProgram, process.argv);
