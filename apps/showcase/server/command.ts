/** The showcase as a command: `holdfast serve` with the pages, their application and its keys. */
import { join } from "node:path";
import { type Durability, HoldfastError, type ListeningAddress, version } from "holdfast";
import {
  type Configuration,
  describeData,
  isLocal,
  messageOf,
  openSuggestions,
  removeRunFile,
  runFileOf,
  type ServeExtension,
  tryNext,
  webSocketOf,
  writeNote,
  writeRunFile,
} from "holdfast/internal";
import { createShowcase, keysFileName, type Showcase } from "./showcase.js";

interface ShowcaseRun {
  readonly configuration: Configuration;
  readonly showcase: Showcase;
  /** Whether the showcase's own key is the one for moderators, rather than those of the options. */
  readonly hasOwnKey: boolean;
}

/**
 * @param pages folder of the built pages
 * @throws HF_CLI_USAGE where the configuration has an application, HF_STORE_OPEN where the keys cannot be kept
 */
export function showcaseExtension(given: Configuration, pages: string): ServeExtension {
  const run = withShowcase(given, pages);
  const { showcase, configuration } = run;
  let file: string | undefined;
  return {
    configuration,
    use: (server) => showcase.use(server),
    start: (address) => {
      showcase.start();
      file = writeRunKeys(run, address);
      return banner(address, run, file);
    },
    stop: () => {
      if (file !== undefined) removeRunFile(file);
      showcase.stop();
    },
  };
}

function withShowcase(configuration: Configuration, pages: string): ShowcaseRun {
  const { app, config, settings } = configuration;
  if (app !== undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `the showcase has its own application, and ${config?.name} defines another; use --config none`,
    );
  const { rulesFor: _, ...options } = configuration.options;
  const durability = settings.get("durability")?.value as Durability | undefined;
  const showcase = createShowcase({
    data: options.data ?? null,
    ...(durability && { durability }),
    ...(options.onError && { onError: options.onError }),
  });
  const hasOwnKey = (options.apiKeys ?? []).length === 0;
  return {
    hasOwnKey,
    showcase,
    configuration: {
      ...configuration,
      app: showcase.app,
      options: {
        pages,
        ...options,
        routes: showcase.routes,
        traceSocket: showcase.traceSocket,
        ...(hasOwnKey && { apiKeys: [showcase.moderatorKey] }),
      },
    },
  };
}

/**
 * Puts keys where only this user can read them, for as long as the server runs.
 * @returns the file; undefined where it could not be written, which is said
 */
function writeRunKeys(
  { showcase, configuration, hasOwnKey }: ShowcaseRun,
  { port }: ListeningAddress,
): string | undefined {
  const file = runFileOf(port);
  const { programKey, moderatorKey } = showcase;
  const isKept = configuration.options.data != null || !hasOwnKey;
  try {
    writeRunFile(file, { programKey, ...(!isKept && { moderatorKey }) });
    return file;
  } catch (error) {
    writeNote(`holdfast: cannot write the key for programs of this machine: ${messageOf(error)}`);
    return undefined;
  }
}

function banner(
  address: ListeningAddress,
  { configuration, hasOwnKey }: ShowcaseRun,
  runFile: string | undefined,
): string {
  const { url, host } = address;
  const { data } = configuration.options;
  const keysFile = data ? join(data, keysFileName) : runFile;
  const key = keysFile ? `the moderatorKey in ${keysFile}` : "no key, because there is no file to keep it in";
  const reach = isLocal(host)
    ? `Only this machine can connect (${host}).`
    : `Whoever can reach ${host} can log in under any free name.`;
  const programs = runFile === undefined ? "have no key" : `with the programKey in ${runFile}`;
  return `Holdfast ${version} is listening on ${url}

  Open           ${url} in two windows: chat, draw, play, measure
  Moderate       with ${hasOwnKey ? key : "one of your API keys (scope admin)"}
  WebSocket      ${webSocketOf(address)}

${tryNext(openSuggestions(address))}${reach} People log in by a name, without a passphrase, and programs
${programs} may use every channel that is not private; history is kept ${describeData(configuration)}. Ctrl+C ends it.`;
}
