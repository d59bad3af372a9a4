/** A child whose imports take longer than its parent lives: the end comes before it has asked to hear of it. */
import { setTimeout as pause } from "node:timers/promises";

while (process.connected) await pause(5);
const { exitWithParent } = await import(process.argv[2]);
exitWithParent();
// As a server that listens does.
setInterval(() => {}, 1000);
