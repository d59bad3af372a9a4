/** The `holdfast` command. */
import { endQuietlyWithoutReader } from "./output.js";
import { runProgram } from "./program.js";

endQuietlyWithoutReader();
process.exitCode = await runProgram(process.argv);
