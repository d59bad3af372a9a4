/**
 * The folder of a store: private to the user that runs the server, and used by one server at a time.
 *
 * The folder is 0700, its files are 0600. Windows has no such modes; there the folder inherits its permissions.
 *
 * The end of the server that owns a store, however sudden, is noticed at once. The kernel holds a name for the owner, derived from
 * the folder's inode, so that no other process can take the store, whatever happens to its files. For systems without such names,
 * and for processes that share the folder but not the names (containers), the owner also listens on a socket in the folder, which
 * `owner.json` names.
 *
 * Where an owner has ended without removing its file, only the holder of the place after it may replace that file: the place is a
 * file named after the ended owner, which a link creates for one process alone. A process that ends while it holds a place has a
 * place after it, too, so places form a chain that begins with `owner.json`, and whoever is reached from there, past ended processes
 * only, is the owner. Looking from the beginning again after taking a place is what makes this safe: names are never used twice, so
 * a place after a file that has been replaced meanwhile is not reached any more.
 */

import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { connect, createServer, type ListenOptions, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { HoldfastError } from "../../errors.js";
import { isNoRoom } from "./store-errors.js";

const ownerOnly = 0o077;
const markerName = "holdfast.json";
const storeFiles =
  /^(?:holdfast\.json|data\.mdb|lock\.mdb|journal-\d+\.log|journal-ends|reserve\.log|owner\b.*)$/;

/** Creates the folder if needed. Makes it private if it is empty or holds a store, and the files of a store, too. */
export function prepareFolder(folder: string): void {
  if (!fs.existsSync(folder)) {
    fs.mkdirSync(dirname(folder), { recursive: true });
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  if (process.platform === "win32") return;
  const names = fs.readdirSync(folder);
  // Other folders, such as a program's working directory, must keep their permissions.
  if (names.length === 0 || names.includes(markerName)) close(folder, 0o700);
  for (const name of names) if (storeFiles.test(name)) close(join(folder, name), 0o600);
}

/** Files of a store that other users may read or write; empty if there is no store. */
export function findOpenToOthers(folder: string): readonly string[] {
  if (process.platform === "win32" || !fs.existsSync(join(folder, markerName))) return [];
  const files = fs.readdirSync(folder).filter((name) => storeFiles.test(name));
  return [folder, ...files.map((name) => join(folder, name))].filter(isOpenToOthers);
}

/** Makes files private that libraries create meanwhile without a mode of their own. */
export function withPrivateFiles<T>(make: () => T): T {
  let before: number | undefined;
  try {
    before = process.umask(ownerOnly);
  } catch {
    // In a worker thread the process's mask cannot be set; the folder is still private.
  }
  try {
    return make();
  } finally {
    if (before !== undefined) process.umask(before);
  }
}

/** Neither links nor their targets are checked. */
function isOpenToOthers(path: string): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !(stats.isFile() || stats.isDirectory())) return false;
  return (stats.mode & ownerOnly) !== 0;
}

/** Leaves another user's file as it is: `holdfast doctor` reports it. */
function close(path: string, mode: number): void {
  try {
    if (isOpenToOthers(path)) fs.chmodSync(path, mode);
  } catch (error) {
    if (!["EPERM", "EROFS", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
  }
}

export interface OwnerRecord {
  readonly pid: number;
  /** Name of the socket. */
  readonly socket: string;
  /** If the owner shares the store: what a process must know to use it. Whoever may read the folder knows it. */
  readonly key?: string;
  /** Of the machine, and which of its starts. */
  readonly boot?: string;
}

/** How an owner shares its store with other processes. */
export interface StoreSharing {
  /** A secret, which `owner.json` has. */
  readonly key: string;
  /** A process has connected. */
  readonly accept: (socket: Socket) => void;
}

const fileName = "owner.json";
/** The longest path of a local socket that every system accepts. */
const maxPathBytes = 100;
const endedCodes = new Set(["ECONNREFUSED", "ENOENT"]);
/** Names of places, each after what an ended process has left. */
const placePrefix = "owner-after-";
/** Others may be starting, and ending, at the same time. */
const attempts = 100;

export class StoreOwner {
  readonly #folder: string;
  /** Held by the kernel until the process ends. */
  readonly #name: Server | undefined;
  readonly #socket: OwnerSocket | undefined;

  private constructor(folder: string, name: Server | undefined, socket: OwnerSocket | undefined) {
    this.#folder = folder;
    this.#name = name;
    this.#socket = socket;
  }

  /**
   * @param boot of the machine, and which of its starts
   * @throws HF_STORE_IN_USE when another server owns the store, or may own it
   */
  static async take(folder: string, boot: string, sharing?: StoreSharing): Promise<StoreOwner> {
    const name = await takeName(folder);
    try {
      return new StoreOwner(folder, name, await takeSocket(folder, boot, sharing));
    } catch (error) {
      // If the disk is full or read-only, the name alone has to do.
      if (name && isNoRoom(error)) return new StoreOwner(folder, name, undefined);
      name?.close();
      throw error;
    }
  }

  release(): void {
    this.#name?.close();
    if (this.#socket === undefined) return;
    const { server, record } = this.#socket;
    removeOwn(join(this.#folder, fileName), record);
    server.close();
    if (process.platform !== "win32") fs.rmSync(join(this.#folder, record.socket), { force: true });
  }
}

interface OwnerSocket {
  readonly server: Server;
  readonly record: OwnerRecord;
}

/**
 * Takes a name that ends with the process and needs no file: a socket in Linux's abstract namespace (unix(7)), or a named pipe of
 * Windows.
 * @returns undefined if the system has no such names
 * @throws HF_STORE_IN_USE
 */
async function takeName(folder: string): Promise<Server | undefined> {
  const { dev, ino } = fs.statSync(folder, { bigint: true });
  const name = `holdfast-store-${dev}-${ino}`;
  const addresses: Partial<Record<NodeJS.Platform, string>> = {
    linux: `\0${name}`,
    win32: `\\\\.\\pipe\\${name}`,
  };
  const address = addresses[process.platform];
  if (address === undefined) return undefined;
  try {
    return await listen({ path: address });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") return undefined;
    throw inUse(folder, readRecord(join(folder, fileName)));
  }
}

async function takeSocket(
  folder: string,
  boot: string,
  sharing: StoreSharing | undefined,
): Promise<OwnerSocket> {
  const socket = `owner-${randomUUID().slice(0, 8)}.sock`;
  const record = { pid: process.pid, socket, boot, ...(sharing && { key: sharing.key }) };
  const server = await withAddress(folder, socket, (path) => listen({ path }, sharing?.accept));
  try {
    if (process.platform !== "win32") fs.chmodSync(join(folder, record.socket), 0o600);
    await claim(folder, record);
    return { server, record };
  } catch (error) {
    server.close();
    throw error;
  }
}

/** Where the next owner is named. */
interface Place {
  readonly path: string;
  readonly isOwn: boolean;
  /** Owners, and holders of places, before it, who have ended. */
  readonly ended: readonly OwnerRecord[];
}

/** @throws HF_STORE_IN_USE */
async function claim(folder: string, record: OwnerRecord): Promise<void> {
  const own = join(folder, `${record.socket}.json`);
  let held: string | undefined;
  try {
    fs.writeFileSync(own, JSON.stringify(record), { mode: 0o600 });
    for (let i = 0; i < attempts; i++) {
      const place = await findPlace(folder, record);
      if (place.isOwn) {
        held = undefined;
        settle(folder, own, place);
        return;
      }
      // The file that it came after has been replaced meanwhile.
      if (held !== undefined) removeOwn(held, record);
      held = link(own, place.path) ? place.path : undefined;
    }
    throw inUse(folder, undefined);
  } finally {
    if (held !== undefined) removeOwn(held, record);
    fs.rmSync(own, { force: true });
  }
}

/**
 * The first place that no process holds, or the own one.
 * @throws HF_STORE_IN_USE when a process that has not ended, or may not have, holds one before
 */
async function findPlace(folder: string, own: OwnerRecord): Promise<Place> {
  const ended: OwnerRecord[] = [];
  let path = join(folder, fileName);
  for (let i = 0; i < attempts; i++) {
    const found = readPlace(path);
    if (found === undefined) return { path, isOwn: false, ended };
    const { record, name } = found;
    if (record?.socket === own.socket) return { path, isOwn: true, ended };
    if (record) {
      if (await withAddress(folder, record.socket, isAlive)) throw inUse(folder, record);
      if (record.boot !== undefined && record.boot !== own.boot && isOnNetwork(folder))
        throw unknownOwner(folder);
      ended.push(record);
    }
    path = join(folder, `${placePrefix}${name}.json`);
  }
  throw inUse(folder, undefined);
}

/** The place is ours: `owner.json` says so from now on, and what led to it goes. */
function settle(folder: string, own: string, { path, ended }: Place): void {
  const first = join(folder, fileName);
  if (path !== first) fs.renameSync(own, first);
  // Whoever takes one of these places only now does not find it from the beginning.
  for (const name of fs.readdirSync(folder))
    if (name.startsWith(placePrefix)) fs.rmSync(join(folder, name), { force: true });
  if (process.platform === "win32") return;
  for (const { socket } of ended) fs.rmSync(join(folder, socket), { force: true });
}

/** Unlike a rename, a link does not replace an existing file. */
function link(own: string, path: string): boolean {
  try {
    fs.linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

function removeOwn(path: string, { socket }: OwnerRecord): void {
  if (readRecord(path)?.socket === socket) fs.rmSync(path, { force: true });
}

/**
 * @returns undefined if there is no such file; without a record if it is damaged, as after a power cut. With the name for the place
 * after it, which no other file ever has.
 * @throws what the system says: an owner whose file cannot be read may well be alive
 */
function readPlace(
  path: string,
): { readonly record: OwnerRecord | undefined; readonly name: string } | undefined {
  try {
    const record = parseRecord(fs.readFileSync(path, "utf8"));
    if (record) return { record, name: record.socket };
    const { ino, mtimeNs } = fs.statSync(path, { bigint: true });
    return { record: undefined, name: `${ino}-${mtimeNs}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    return undefined;
  }
}

function readRecord(path: string): OwnerRecord | undefined {
  try {
    return parseRecord(fs.readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

function parseRecord(text: string): OwnerRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<OwnerRecord>;
    const isOne = typeof record.socket === "string" && typeof record.pid === "number";
    return isOne ? (record as OwnerRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** The process that owns the folder's store, as its file says. */
export function findOwner(folder: string): OwnerRecord | undefined {
  return readRecord(join(folder, fileName));
}

/** The process that owns the folder's store, if it still runs. */
export async function findRunningOwner(folder: string): Promise<OwnerRecord | undefined> {
  const owner = findOwner(folder);
  const socket = owner && (await connectToOwner(folder, owner).catch(() => undefined));
  socket?.destroy();
  return socket && owner;
}

/** @throws what the system says, such as ECONNREFUSED if the owner has ended */
export function connectToOwner(folder: string, { socket }: OwnerRecord): Promise<Socket> {
  return withAddress(
    folder,
    socket,
    (path) =>
      new Promise((resolve, reject) => {
        const connection = connect(path);
        connection.once("error", reject);
        connection.once("connect", () => {
          connection.off("error", reject);
          resolve(connection);
        });
      }),
  );
}

async function listen(
  address: ListenOptions,
  accept = (socket: Socket): void => void socket.destroy(),
): Promise<Server> {
  const server = createServer(accept);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // Workers of a cluster would share it otherwise.
    server.listen({ ...address, exclusive: true }, resolve);
  });
  server.unref();
  return server;
}

function isAlive(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("connect", () => {
      resolve(true);
      // A stopped process would not end the connection.
      socket.destroy();
    });
    // Any other error does not mean that the owner has ended.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(!endedCodes.has(code ?? "")));
    socket.once("close", () => socket.destroy());
  });
}

/** Paths of sockets must be short; a folder with a long path is reached through a temporary link. */
async function withAddress<T>(
  folder: string,
  socket: string,
  use: (address: string) => Promise<T>,
): Promise<T> {
  if (process.platform === "win32") return await use(`\\\\.\\pipe\\holdfast-${socket}`);
  const path = join(folder, socket);
  const short = [path, relative(process.cwd(), path)].find((name) => Buffer.byteLength(name) <= maxPathBytes);
  if (short !== undefined) return await use(short);
  const temporary = fs.mkdtempSync(join(tmpdir(), "holdfast-"));
  try {
    fs.symlinkSync(folder, join(temporary, "s"));
    return await use(join(temporary, "s", socket));
  } finally {
    fs.rmSync(temporary, { recursive: true, force: true });
  }
}

/** https://man7.org/linux/man-pages/man2/statfs.2.html: NFS, SMB, SMB2 and CIFS. */
const networkFileSystems = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42]);

/** Whether other machines may use the folder, whose sockets do not reach this one. */
function isOnNetwork(folder: string): boolean {
  return networkFileSystems.has(fs.statfsSync(folder).type >>> 0);
}

function unknownOwner(folder: string): HoldfastError {
  return new HoldfastError(
    "HF_STORE_IN_USE",
    `the store in ${folder} is on a network file system, and a server on another machine may be using it. Use a folder on a local disk; if that server has ended, remove ${join(folder, fileName)}`,
    { details: { folder } },
  );
}

function inUse(folder: string, owner: OwnerRecord | undefined): HoldfastError {
  const who = owner === undefined ? "another server" : `the server with process id ${owner.pid}`;
  return new HoldfastError(
    "HF_STORE_IN_USE",
    `the store in ${folder} is in use by ${who}. Stop that server, or use another folder (--data)`,
    { details: { folder, ...(owner && { pid: owner.pid }) } },
  );
}
