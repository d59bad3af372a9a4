// One that wants a store, in a thread of its own, on a system without names that the kernel holds. It stops before each call to the
// file system until its parent lets it go on, or lets it die there.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

Object.defineProperty(process, "platform", { value: "darwin" });

/** What the parent decides: 0 nothing yet, 1 to go on, 2 to die. */
const decision = new Int32Array(workerData.decision);
let isOn = false;
let isDead = false;

function step(name) {
  if (!isOn) return;
  if (!isDead) {
    Atomics.store(decision, 0, 0);
    parentPort.postMessage({ at: name });
    Atomics.wait(decision, 0, 0);
    isDead = Atomics.load(decision, 0) === 2;
  }
  if (isDead) throw Object.assign(new Error("it is dead"), { code: "DEAD" });
}

for (const name of ["readFileSync", "writeFileSync", "linkSync", "renameSync", "rmSync", "readdirSync"]) {
  const original = fs[name];
  fs[name] = (...args) => {
    step(name);
    return original(...args);
  };
}
syncBuiltinESMExports();

const { StoreOwner } = await import(workerData.module);
let owner;

async function take(folder) {
  isOn = true;
  isDead = false;
  try {
    owner = await StoreOwner.take(folder, "this boot");
    return "owner";
  } catch (error) {
    return error.code ?? String(error);
  } finally {
    isOn = false;
  }
}

/** Ends as a killed process does: its socket is closed, and its files stay. */
function die() {
  isOn = true;
  isDead = true;
  try {
    owner?.release();
  } catch {
    // What it would have removed.
  }
  isOn = false;
  owner = undefined;
}

parentPort.on("message", async ({ folder }) => {
  if (folder === undefined) die();
  parentPort.postMessage({ outcome: folder === undefined ? "ended" : await take(folder) });
});
parentPort.postMessage({ outcome: "ready" });
