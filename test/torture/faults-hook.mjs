// Loaded into the server under torture before anything else. Does to it, on its parent's word, what no signal can: moves
// the wall clock, and leaves no room on the disk for journals. It stands below power-hook.mjs, which sees the failures.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

let shiftMs = Number(process.env.HOLDFAST_TORTURE_SHIFT_MS ?? 0);
let isFull = false;

process.on("message", (message) => {
  if (typeof message?.shiftMs === "number") shiftMs = message.shiftMs;
  if (typeof message?.isFull === "boolean") isFull = message.isFull;
});
// A server that is done does not stay for its parent's words.
process.channel?.unref();

const WallClock = Date;
globalThis.Date = class extends WallClock {
  constructor(...args) {
    if (args.length === 0) super(WallClock.now() + shiftMs);
    else super(...args);
  }

  static now() {
    return WallClock.now() + shiftMs;
  }
};

/** Descriptors of open journals. */
const journals = new Set();
const { openSync, write, close, closeSync } = fs;

fs.openSync = (path, ...args) => {
  const fd = openSync(path, ...args);
  if (/^journal-.*\.log$/.test(basename(String(path)))) journals.add(fd);
  return fd;
};
fs.close = (fd, ...args) => {
  journals.delete(fd);
  close(fd, ...args);
};
fs.closeSync = (fd) => {
  journals.delete(fd);
  closeSync(fd);
};

/** A disk that runs full takes a part of what is written, and then nothing. */
fs.write = (fd, data, offset, length, position, done) => {
  if (!isFull || !journals.has(fd)) return write(fd, data, offset, length, position, done);
  const part = Math.floor(length / 2);
  if (part > 0 && position % 2 === 0) return write(fd, data, offset, part, position, done);
  const error = new Error("ENOSPC: no space left on device, write");
  setImmediate(done, Object.assign(error, { code: "ENOSPC", errno: -28, syscall: "write" }));
};

syncBuiltinESMExports();
