/** A measured server of any kind, in a process of its own that ends with the benchmark. */

import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answers } from "../servers/answer-asks.js";
import type { Contender, SharedStore } from "./contenders.js";
import { NativeProcess } from "./native-process.js";
import { ServerProcess, type ServerProcessOptions } from "./server-process.js";

/** What every server can be asked, without asking costing it anything that counts. */
export type CommonAnswers = Pick<Answers, "usage" | "rss" | "stats">;

export interface RunningServer {
  readonly port: number;
  /** Where publishers connect, if that is another node. @default the same */
  readonly publishersPort?: number;
  ask<K extends keyof CommonAnswers>(ask: K): Promise<CommonAnswers[K]>;
  stop(): Promise<void>;
}

export interface StartOptions extends Pick<ServerProcessOptions, "core"> {
  /** Where the folder of one that keeps data is made. @default the system's folder for temporary files */
  readonly dataParent?: string | undefined;
}

/** Starts what the contender is; a folder for its data, where it needs one, goes when it stops. */
export async function startServer(contender: Contender, options: StartOptions = {}): Promise<RunningServer> {
  const { name, server, args = [], native, keepsData = false, store } = contender;
  if (store) return await startNodes(contender, store, options);
  const { core, dataParent } = options;
  const folder = keepsData || native ? createDataFolder(dataParent) : undefined;
  try {
    const running: RunningServer = native
      ? await NativeProcess.start(native, folder as string, core)
      : await ServerProcess.start(
          { name, server },
          { core, args: folder === undefined ? args : [...args, "--data", folder] },
        );
    return {
      port: running.port,
      ask: (ask) => running.ask(ask),
      async stop() {
        await running.stop();
        if (folder !== undefined) removeDataFolder(folder);
      },
    };
  } catch (error) {
    if (folder !== undefined) removeDataFolder(folder);
    throw error;
  }
}

/** A node that is measured, and one for publishers, on one store. */
async function startNodes(
  { name, server }: Contender,
  store: SharedStore,
  { core, dataParent }: StartOptions,
): Promise<RunningServer> {
  const folder = createDataFolder(dataParent);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    for (const each of started.reverse()) await each.stop();
    removeDataFolder(folder);
  };
  try {
    const running = await NativeProcess.start(store, folder);
    started.push(running);
    const args = ["--store", store.url(running.port)];
    const publishers = await ServerProcess.start({ name: `${name}'s second node`, server }, { args });
    started.push(publishers);
    const node = await ServerProcess.start({ name, server }, { core, args });
    started.push(node);
    return { port: node.port, publishersPort: publishers.port, ask: (ask) => node.ask(ask), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What Linux calls file systems, as far as they matter here. https://man7.org/linux/man-pages/man2/statfs.2.html */
const fileSystems: Readonly<Record<number, string>> = {
  16914836: "tmpfs, which is memory",
  2240043254: "ramfs, which is memory",
  61267: "ext4",
  1481003842: "XFS",
  2435016766: "Btrfs",
  2035054128: "overlayfs",
  801189825: "ZFS",
};

/** @param parent @default the system's folder for temporary files */
export function createDataFolder(parent = tmpdir()): string {
  return mkdtempSync(join(parent, "holdfast-bench-"));
}

export function removeDataFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
}

/** Where the folder stands and on what, because that decides what flushing costs. */
export function describeDataParent(parent = tmpdir()): string {
  const { type } = statfsSync(parent);
  return `data in ${parent}, on ${fileSystems[type] ?? `a file system of type 0x${type.toString(16)}`}`;
}
