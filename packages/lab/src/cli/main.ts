/** The `holdfast-lab` command. */
import { endQuietlyWithoutReader } from "holdfast/internal";
import { runLab } from "./lab-command.js";

endQuietlyWithoutReader();
process.exitCode = await runLab(process.argv.slice(2));
