import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { builtFolder } from "./support/modules.js";

it("a child whose parent was gone before it had loaded ends as well", async () => {
  const ipc = pathToFileURL(join(builtFolder, "ipc.js")).href;
  const child = fork(join(import.meta.dirname, "support/late-child.mjs"), [ipc]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  child.disconnect();
  expect(await exited).toEqual([0, null]);
});
