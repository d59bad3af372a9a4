/** The `holdfast` command. */
import { runProgram } from "./program.js";
import { endQuietlyWithoutReader } from "./terminal.js";

endQuietlyWithoutReader();
process.exitCode = await runProgram(process.argv);
