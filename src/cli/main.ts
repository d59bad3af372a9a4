#!/usr/bin/env node
/** The `holdfast` command. */
import { runProgram } from "./program.js";

process.exitCode = await runProgram(process.argv);
