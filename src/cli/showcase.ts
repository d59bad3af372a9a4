/** `holdfast serve --showcase`: the pages' own application in the place of one from a configuration. */
import type { Configuration } from "../config/load-config.js";
import { messageOf } from "../errors.js";
import type { Durability, ListeningAddress } from "../index.js";
import { HoldfastError } from "../index.js";
import { removeRunFile, runFileOf, writeRunFile } from "../showcase/program-key.js";
import { createShowcase, type Showcase } from "../showcase/showcase.js";
import { writeNote } from "./output.js";

export interface ShowcaseConfiguration {
  readonly configuration: Configuration;
  readonly showcase: Showcase;
  /** Whether the showcase's own key is the one for moderators, rather than those of the options. */
  readonly hasOwnKey: boolean;
}

/** @throws HF_CLI_USAGE where the configuration has an application, HF_STORE_OPEN where the keys cannot be kept */
export function withShowcase(configuration: Configuration): ShowcaseConfiguration {
  const { app, config, settings } = configuration;
  if (app !== undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      `--showcase brings an application of its own, and ${config?.name} has one; leave one of them out, or say --config none`,
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
        ...options,
        routes: showcase.routes,
        ...(hasOwnKey && { apiKeys: [showcase.moderatorKey] }),
      },
    },
  };
}

/**
 * Puts keys where only this user can read them, for as long as the server runs.
 * @returns undefined where that could not be done, which is said
 */
export function keepRunKeys(
  { showcase, configuration, hasOwnKey }: ShowcaseConfiguration,
  { port }: ListeningAddress,
): { readonly file: string; readonly remove: () => void } | undefined {
  const file = runFileOf(port);
  const { programKey, moderatorKey } = showcase;
  const isKept = configuration.options.data != null || !hasOwnKey;
  try {
    writeRunFile(file, { programKey, ...(!isKept && { moderatorKey }) });
  } catch (error) {
    writeNote(`holdfast: programs of this machine get no key: ${messageOf(error)}`);
    return undefined;
  }
  return { file, remove: () => removeRunFile(file) };
}
