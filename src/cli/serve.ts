/** `holdfast serve`. */
import { type Configuration, withOrigin } from "../config/load-config.js";
import { readTls } from "../config/server-options.js";
import type { Settings } from "../config/settings.js";
import { messageOf } from "../errors.js";
import { createServer, type HoldfastServer, type ListeningAddress } from "../index.js";
import { banner, showcaseBanner } from "./banner.js";
import { writeNote, writeText } from "./output.js";
import { loadWithFlags, type ServerFlags } from "./server-flags.js";
import { keepRunKeys, withShowcase } from "./showcase.js";
import { onEndSignal } from "./signals.js";

export async function runServe(flags: ServerFlags): Promise<void> {
  const given = await loadWithFlags(flags);
  const shown = flags.showcase === true ? withShowcase(given) : undefined;
  const configuration = shown?.configuration ?? given;
  const server = create(configuration);
  shown?.showcase.use(server);
  const address = await listen(server);
  shown?.showcase.start();
  const keys = shown && keepRunKeys(shown, address);
  // Who reads that the server is there may end it at once.
  const ended = untilSignal(server, configuration, () => {
    keys?.remove();
    shown?.showcase.stop();
  });
  writeText(shown ? showcaseBanner(address, shown, keys?.file) : banner(address, configuration));
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
