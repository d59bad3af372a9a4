/** `holdfast serve`. */
import { type Configuration, withOrigin } from "../config/load-config.js";
import { readTls } from "../config/server-options.js";
import type { Settings } from "../config/settings.js";
import { messageOf } from "../errors.js";
import { createServer, type HoldfastServer, type ListeningAddress } from "../index.js";
import { banner } from "./banner.js";
import { writeNote, writeText } from "./output.js";
import { loadWithFlags, type ServerFlags } from "./server-flags.js";
import { onEndSignal } from "./signals.js";

/** What a program that is more than `holdfast serve` adds to it. */
export interface ServeExtension {
  readonly configuration: Configuration;
  /** Called before the server listens. */
  use(server: HoldfastServer): void;
  /** Called once the server listens. @returns the text that says so */
  start(address: ListeningAddress): string;
  /** Called before the server closes. */
  stop(): void;
}

/**
 * Serves until a signal ends it.
 * @param extend makes another configuration of the one that flags, variables and files describe
 */
export async function runServe(
  flags: ServerFlags,
  extend?: (configuration: Configuration) => ServeExtension,
): Promise<void> {
  const given = await loadWithFlags(flags);
  const extension = extend?.(given);
  const configuration = extension?.configuration ?? given;
  const server = create(configuration);
  extension?.use(server);
  const address = await listen(server);
  const text = extension?.start(address) ?? banner(address, configuration);
  // Whoever reads that the server listens may stop it at once.
  const ended = untilSignal(server, configuration, () => extension?.stop());
  writeText(text);
  await ended;
}

function create(configuration: Configuration): HoldfastServer {
  const { app, options } = configuration;
  try {
    return app ? createServer(app, options) : createServer(options);
  } catch (error) {
    throw withOrigin(error, configuration);
  }
}

/** What was opened before the port is closed again when there is none. */
async function listen(server: HoldfastServer): Promise<ListeningAddress> {
  try {
    return await server.listen();
  } catch (error) {
    await server.close();
    throw error;
  }
}

/** @param stop called before the server closes */
function untilSignal(
  server: HoldfastServer,
  { options, settings }: Configuration,
  stop: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isEnding = false;
    const end = () => {
      // Whoever asks twice does not want to wait.
      if (isEnding) process.exit(1);
      isEnding = true;
      writeNote("Closing connections …");
      stop();
      server.close().then(resolve, reject);
    };
    onEndSignal(end, options.tls ? () => reloadCertificate(server, settings) : undefined);
  });
}

/** The files as they are now. With those that are not accepted, the server goes on as it was. */
function reloadCertificate(server: HoldfastServer, settings: Settings): void {
  try {
    const tls = readTls(settings);
    if (tls) server.setCertificate(tls);
    writeNote("holdfast: certificate and key were read anew");
  } catch (error) {
    writeNote(`holdfast: certificate and key stay as they were: ${messageOf(error)}`);
  }
}
