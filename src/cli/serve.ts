/** `holdfast serve`. */
import { type Configuration, withOrigin } from "../config/load-config.js";
import { createServer, type HoldfastServer, type ListeningAddress } from "../index.js";
import { banner, showcaseBanner } from "./banner.js";
import { writeNote, writeText } from "./output.js";
import { loadWithFlags, type ServerFlags } from "./server-flags.js";
import { withShowcase } from "./showcase.js";

export async function runServe(flags: ServerFlags): Promise<void> {
  const given = await loadWithFlags(flags);
  const shown = flags.showcase === true ? withShowcase(given) : undefined;
  const configuration = shown?.configuration ?? given;
  const server = create(configuration);
  shown?.showcase.use(server);
  const address = await listen(server);
  shown?.showcase.start();
  // Who reads that the server is there may end it at once.
  const ended = untilSignal(server, () => shown?.showcase.stop());
  writeText(shown ? showcaseBanner(address, shown) : banner(address, configuration));
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
function untilSignal(server: HoldfastServer, stop: () => void): Promise<void> {
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
    process.on("SIGINT", end);
    process.on("SIGTERM", end);
  });
}
