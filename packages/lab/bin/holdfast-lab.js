#!/usr/bin/env node
import { endQuietlyWithoutReader } from "holdfast/internal";
import { runLabCommand } from "../dist/cli/command.js";

endQuietlyWithoutReader();
process.exitCode = await runLabCommand(process.argv.slice(2));
