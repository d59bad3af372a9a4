/** A worker's side of `holdfast serve` in several processes: what the first process (workers.ts) asks of it, and what it asks of that. */
import cluster from "node:cluster";
import { HoldfastError, messageOf } from "../errors.js";
import type { HoldfastServer, ListeningAddress } from "../index.js";
import type { HandoverLink, HandoverMessage, ListeningHandles } from "../server/handover.js";
import { writeNote } from "./terminal.js";

export type HandleName = keyof ListeningHandles;

export type ToWorker =
  /** Drain, and exit. */
  | "end"
  /** Read certificate and key again. */
  | "certificate"
  /** Give clients to another worker, then drain and exit. */
  | "give"
  /** Take clients of another worker. */
  | "take"
  /** The other worker has ended. */
  | "gone"
  /** The answer to `ask`; the handle, if there is one, comes along. */
  | { readonly handle: HandleName; readonly isGiven: boolean };

export type FromWorker =
  | { readonly listening: ListeningAddress }
  | { readonly ask: HandleName }
  /** Its own copy of a shared listening socket, for the workers after it; the first process's copy may be closed. */
  | { readonly shares: HandleName }
  /** Reload the server. */
  | "reload"
  /** The other worker has ended before it had all clients: this one goes on. */
  | "kept"
  | HandoverMessage;

/** Whether this process was started as a worker. */
export const isWorker = cluster.isWorker;

/** A worker that cannot serve, or has ended, must not be kept alive by its connection to the first process. */
export function leaveFirstProcess(): void {
  // Otherwise it would exit at once, before its error is written.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
  if (process.connected) process.disconnect();
}

/** The listening sockets that the first process shares; without one, node:cluster opens it. */
export async function askForHandles(): Promise<ListeningHandles> {
  const handles: { [name in HandleName]?: object | undefined } = {};
  for (const name of ["server", "admin"] as const) handles[name] = await askForHandle(name);
  return handles;
}

function askForHandle(name: HandleName): Promise<object | undefined> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: ToWorker, handle: object | undefined) => {
      if (typeof message !== "object" || !("handle" in message) || message.handle !== name) return;
      process.off("message", onMessage);
      if (message.isGiven && handle === undefined)
        reject(new HoldfastError("HF_SERVER_STATE", "the listening socket has not come with its message"));
      else resolve(handle);
    };
    process.on("message", onMessage as (message: unknown) => void);
    send({ ask: name }).catch(reject);
  });
}

function send(message: FromWorker, handle?: object): Promise<void> {
  return new Promise((resolve, reject) => {
    if (process.send === undefined || !process.connected)
      reject(new HoldfastError("HF_SERVER_STATE", "the first process is gone"));
    // Handles of connections, which the types of Node.js do not know.
    else
      process.send(message, handle as never, {}, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
  });
}

/** Serves until the first process, or a signal to this one alone, ends it. */
export async function serveAsWorker(
  listening: ListeningAddress,
  server: HoldfastServer,
  reloadCertificate: () => void,
): Promise<void> {
  const { worker } = cluster;
  if (worker === undefined) return;
  // Otherwise it would exit at once when the first process is gone.
  worker.exitedAfterDisconnect = true;
  const ignore = () => {};
  process.on("SIGINT", ignore);
  process.on("SIGHUP", ignore);
  process.on("SIGUSR2", () => void send("reload").catch(ignore));
  await new Promise<void>((resolve, reject) => {
    const drain = () => void server.drain().then(resolve, reject);
    process.on("SIGTERM", drain);
    // Nobody waits for it any more.
    process.once("disconnect", () => void server.close().then(resolve, reject));
    let link: OtherWorker | undefined;
    process.on("message", (message: ToWorker | HandoverMessage, handle: unknown) => {
      if (message === "end") drain();
      else if (message === "certificate") reloadCertificate();
      else if (message === "take") {
        link = new OtherWorker();
        server.handover.take(link);
      } else if (message === "give") {
        link = new OtherWorker();
        void give(server, link).then((isGiven) => isGiven && drain());
      } else if (message === "gone") link?.close();
      else if ("handover" in message) link?.onMessage(message, handle as object | undefined);
    });
    shareHandles(server)
      .then(() => send({ listening }))
      .catch(reject);
  });
}

async function shareHandles({ handover }: HoldfastServer): Promise<void> {
  const { listeningHandles } = handover;
  for (const name of ["server", "admin"] as const)
    if (listeningHandles[name]) await send({ shares: name }, listeningHandles[name]);
}

/** @returns whether the other worker has all that it can have */
async function give(server: HoldfastServer, link: HandoverLink): Promise<boolean> {
  try {
    await server.handover.give(link);
    return true;
  } catch (error) {
    writeNote(`holdfast: not reloaded: ${messageOf(error)}; this version goes on`);
    await send("kept").catch(() => {});
    return false;
  }
}

/** The first process passes on what two workers say to each other. */
class OtherWorker implements HandoverLink {
  onMessage: HandoverLink["onMessage"] = () => {};
  #isGone = false;

  get isClosed(): boolean {
    return this.#isGone || !process.connected;
  }

  send(message: HandoverMessage, handle?: object): Promise<void> {
    return send(message, handle);
  }

  close(): void {
    this.#isGone = true;
  }
}
