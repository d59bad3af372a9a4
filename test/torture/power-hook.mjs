// Loaded into the server under torture before anything else. Watches what is written to journals (journal-*.log) and
// when that has been flushed, and notes in a file outside of the data folder, per journal, the length that a power cut
// must have left: what had been written when the last successful flush began. Also names the boot of the machine, so that
// one that has lost its power is another machine to the server.
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

const isJournal = (path) => /^journal-.*\.log$/.test(basename(String(path)));
// Both survive a kill of this process: a write is with the operating system when it returns.
const notes = fs.openSync(process.env.HOLDFAST_TORTURE_FLUSH_LOG, "a");
const note = (name, length) => original.writeSync(notes, `${JSON.stringify({ name, length })}\n`);

const original = { ...fs };

/** One open journal. Writes may be under way at the same time; what counts is the part without holes. */
class Journal {
  #name;
  #written;
  /** For writes without a position. */
  #cursor;
  /** Where writes begin that are under way. */
  #pending = new Set();

  constructor(path, flags, size) {
    this.#name = basename(String(path));
    this.#written = size;
    this.#cursor = String(flags).startsWith("a") ? size : 0;
    if (size === 0) note(this.#name, 0);
  }

  /** @returns what to call when the write is over, with the bytes that were written */
  beginWrite(position, length) {
    const write = { start: typeof position === "number" ? position : this.#cursor };
    if (typeof position !== "number") this.#cursor += length;
    this.#pending.add(write);
    return (bytes) => {
      this.#pending.delete(write);
      this.#written = Math.max(this.#written, write.start + bytes);
    };
  }

  /** @returns what to call when the flush has succeeded */
  beginFlush() {
    const length = Math.min(this.#written, ...[...this.#pending].map(({ start }) => start));
    return () => note(this.#name, length);
  }

  truncated(length) {
    if (length >= this.#written) return;
    this.#written = length;
    note(this.#name, length);
  }
}

/** By file descriptor. */
const journals = new Map();

function opened(fd, path, flags) {
  if (isJournal(path)) journals.set(fd, new Journal(path, flags, original.fstatSync(fd).size));
}

function lengthOf(data) {
  if (Array.isArray(data)) return data.reduce((sum, part) => sum + part.byteLength, 0);
  return typeof data === "string" ? Buffer.byteLength(data) : data.byteLength;
}

/** The position among the arguments of a write, and how much it is to write. */
function planOf([data, ...rest]) {
  if (Array.isArray(data)) return { length: lengthOf(data), position: rest[0] };
  if (typeof data === "string") return { length: lengthOf(data), position: rest[0] };
  if (typeof rest[0] === "object" && rest[0] !== null) {
    const { offset = 0, length = lengthOf(data) - offset, position } = rest[0];
    return { length, position };
  }
  const [offset = 0, length = lengthOf(data) - offset, position] = rest;
  return { length: length ?? lengthOf(data) - (offset ?? 0), position };
}

/** Wraps a function of fs whose last argument is called back; `before` gives what to do when it has succeeded. */
function wrapCallback(name, before) {
  fs[name] = (fd, ...args) => {
    const done = args.pop();
    const after = journals.has(fd) ? before(journals.get(fd), args, fd) : undefined;
    return original[name](fd, ...args, (error, ...results) => {
      if (after !== undefined && !(error && name.startsWith("f"))) after(error ? 0 : results[0]);
      done(error, ...results);
    });
  };
}

function wrapSync(name, before) {
  fs[name] = (fd, ...args) => {
    const after = journals.has(fd) ? before(journals.get(fd), args, fd) : undefined;
    const result = original[name](fd, ...args);
    after?.(result);
    return result;
  };
}

const beginWrite = (journal, args) => {
  const { position, length } = planOf(args);
  return journal.beginWrite(position, length);
};
const beginFlush = (journal) => journal.beginFlush();
const beginTruncate = (journal, [length = 0]) => {
  return () => journal.truncated(length);
};
const beginClose = (_journal, _args, fd) => {
  journals.delete(fd);
  return () => {};
};

for (const [names, before] of [
  [["write", "writev"], beginWrite],
  [["fdatasync", "fsync"], beginFlush],
  [["ftruncate"], beginTruncate],
  [["close"], beginClose],
])
  for (const name of names) {
    wrapCallback(name, before);
    wrapSync(`${name}Sync`, before);
  }

fs.open = (path, ...args) => {
  const done = args.pop();
  original.open(path, ...args, (error, fd) => {
    if (!error) opened(fd, path, args[0] ?? "r");
    done(error, fd);
  });
};
fs.openSync = (path, flags, mode) => {
  const fd = original.openSync(path, flags, mode);
  opened(fd, path, flags ?? "r");
  return fd;
};

const openHandle = fs.promises.open;
fs.promises.open = async (path, flags, mode) => {
  const handle = await openHandle(path, flags, mode);
  opened(handle.fd, path, flags ?? "r");
  return handle;
};

// File handles have their functions from a class that nothing exports.
const probe = await openHandle(new URL(import.meta.url), "r");
const handles = Object.getPrototypeOf(probe);
await probe.close();
for (const [names, before, resultOf] of [
  [["write", "writev"], beginWrite, ({ bytesWritten }) => bytesWritten],
  [["datasync", "sync"], beginFlush],
  [["truncate"], beginTruncate],
  [["close"], beginClose],
])
  for (const name of names) {
    const inner = handles[name];
    handles[name] = async function (...args) {
      const after = journals.has(this.fd) ? before(journals.get(this.fd), args, this.fd) : undefined;
      const result = await inner.apply(this, args);
      after?.(resultOf?.(result));
      return result;
    };
  }

const bootIdPath = "/proc/sys/kernel/random/boot_id";
fs.readFileSync = (path, ...args) =>
  path === bootIdPath ? process.env.HOLDFAST_TORTURE_BOOT : original.readFileSync(path, ...args);

syncBuiltinESMExports();
