import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import { builtModules } from "./support/modules.js";

it("a child whose parent was gone before it had loaded ends as well", async () => {
  const answer = pathToFileURL(join(String(builtModules.children), "answer.js")).href;
  const child = fork(join(import.meta.dirname, "support/late-child.mjs"), [answer]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  child.disconnect();
  expect(await exited).toEqual([0, null]);
});
