/** `holdfast serve`. */
import type { Command } from "commander";
import { type Configuration, readTls, withOrigin } from "../config/load-config.js";
import type { Settings } from "../config/settings.js";
import { messageOf } from "../errors.js";
import { createServer, type HoldfastServer, type ListeningAddress } from "../index.js";
import type { ListeningHandles } from "../server/handover.js";
import { banner } from "./banner.js";
import { loadWithFlags, type ServerFlags, withServerFlags } from "./server-flags.js";
import { onEndSignal, writeNote, writeText } from "./terminal.js";
import { askForHandles, isWorker, leaveFirstProcess, serveAsWorker } from "./worker.js";
import { countWorkers, moveToWorker, superviseWorkers } from "./workers.js";

export function addServe(program: Command): void {
  withServerFlags(program.command("serve").description("start a server"))
    .addHelpText(
      "after",
      `
Each option can also be a variable (--port is HOLDFAST_PORT), or be in a
holdfast.config.ts, .js, .json or .yaml in the working directory. Flags
override variables, and variables override the file. "none" means null.

Without a configuration, authentication is disabled, and every client may use every
channel. That is why the server listens on 127.0.0.1 unless --host is given.

A publish is acknowledged once it survives a crash of the server, kill -9 included
(--durability process). With "disk" it also survives a crash of the machine, but
takes longer; with "memory" it is immediate, but may be lost.

Examples:
  $ holdfast serve
  $ holdfast serve --port 9000
  $ holdfast serve --config production.yaml
  $ holdfast serve --data /var/lib/holdfast --durability disk
  $ holdfast serve --data memory
  $ holdfast serve --workers auto
  $ HOLDFAST_PORT=9000 holdfast serve
  $ holdfast serve --tls-cert cert.pem --tls-key key.pem --compression
  $ holdfast serve --allowed-origins https://example.com,https://www.example.com
`,
    )
    .action((flags: ServerFlags) => runServe(flags));
}

/** Extensions of `holdfast serve` by another program. */
export interface ServeExtension {
  readonly configuration: Configuration;
  /** Called before the server listens. */
  use(server: HoldfastServer): void;
  /** Called once the server listens. @returns the banner */
  start(address: ListeningAddress): string;
  /** Called before the server closes. */
  stop(): void;
}

/**
 * Serves until a signal ends it.
 * @param extend changes the configuration of flags, variables and files
 */
export async function runServe(
  flags: ServerFlags,
  extend?: (configuration: Configuration) => ServeExtension,
): Promise<void> {
  try {
    await serve(flags, extend);
  } finally {
    if (isWorker) leaveFirstProcess();
  }
}

async function serve(
  flags: ServerFlags,
  extend?: (configuration: Configuration) => ServeExtension,
): Promise<void> {
  const given = await loadWithFlags(flags);
  if (extend === undefined) {
    const workers = countWorkers(given);
    if (isWorker) return await runWorker(given);
    if (workers > 1) return await superviseWorkers(given, workers);
  }
  const extension = extend?.(given);
  const configuration = extension?.configuration ?? given;
  const server = create(configuration);
  extension?.use(server);
  const address = await listen(server);
  const text = extension?.start(address) ?? banner(address, configuration);
  // Whoever reads the banner may send a signal at once.
  const ended = untilSignal(server, configuration, () => extension?.stop(), extend === undefined);
  writeText(text);
  await ended;
}

/** One of several processes: the first one starts it, and says when it ends. */
async function runWorker(configuration: Configuration): Promise<void> {
  const server = create(configuration);
  const address = await listen(server, await askForHandles());
  await serveAsWorker(address, server, () => reloadCertificate(server, configuration.settings));
}

function create(configuration: Configuration): HoldfastServer {
  const { app, options } = configuration;
  try {
    return app ? createServer(app, options) : createServer(options);
  } catch (error) {
    throw withOrigin(error, configuration);
  }
}

/** Closes what was opened when the server cannot listen. */
async function listen(server: HoldfastServer, inherited?: ListeningHandles): Promise<ListeningAddress> {
  try {
    return await server.listen(inherited);
  } catch (error) {
    await server.close();
    throw error;
  }
}

/**
 * @param stop called before the server closes
 * @param canReload whether another process can run the same command
 */
function untilSignal(
  server: HoldfastServer,
  configuration: Configuration,
  stop: () => void,
  canReload: boolean,
): Promise<void> {
  const { options, settings } = configuration;
  return new Promise((resolve, reject) => {
    let isEnding = false;
    let isReloading = false;
    let endSuccessor = () => {};
    const end = () => {
      // A second signal does not wait.
      if (isEnding) process.exit(1);
      isEnding = true;
      writeNote("Closing connections …");
      stop();
      endSuccessor();
      server.drain().then(resolve, reject);
    };
    const reload = () => {
      if (isReloading || isEnding) return;
      isReloading = true;
      const { handover } = server;
      const moved = moveToWorker({
        configuration,
        listeningHandles: handover.listeningHandles,
        give: (link) => handover.give(link),
        drain: () => server.drain(),
        onStarted: (endIt) => {
          endSuccessor = endIt;
        },
        onMoved: () => removeHandlers(),
      });
      const settle = (isMoved: boolean) => {
        isReloading = false;
        if (isMoved) resolve();
      };
      moved.then(settle, reject);
    };
    const readCertificate = options.tls ? () => reloadCertificate(server, settings) : undefined;
    const removeSignals = onEndSignal(end, readCertificate ?? (canReload ? reload : undefined));
    if (canReload) process.on("SIGUSR2", reload);
    const removeHandlers = () => {
      removeSignals();
      process.off("SIGUSR2", reload);
    };
  });
}

/** If the files are invalid, the server keeps its certificate. */
function reloadCertificate(server: HoldfastServer, settings: Settings): void {
  try {
    const tls = readTls(settings);
    if (tls) server.setCertificate(tls);
    writeNote("holdfast: certificate and key were reloaded");
  } catch (error) {
    writeNote(`holdfast: certificate and key were not reloaded: ${messageOf(error)}`);
  }
}
