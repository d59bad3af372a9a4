/** The application in a configuration, in code or described. */
import { type ChannelDefinition, type ChannelOptions, channel } from "../app/channel.js";
import { App, type AppOptions, type Channels, defineApp, jwt, type Methods } from "../app/define-app.js";
import type { TokenOptions } from "../auth/jwt-options.js";
import type { Durability } from "../channels/log.js";
import { HoldfastError } from "../errors.js";
import type { ReadConfig } from "./config-file.js";
import type { DescribedConfig } from "./define-config.js";
import { resolveSecrets, type SecretContext } from "./secrets.js";

const described = ["authenticate", "anonymous", "personalChannel", "channels"] as const;

/**
 * @param durability for channels that set none
 * @returns undefined if everything is open
 * @throws HF_CONFIG_INVALID when there are both, or a secret cannot be read
 */
export function buildApp(
  { file, name, value }: ReadConfig,
  env: NodeJS.ProcessEnv,
  durability: Durability | undefined,
): App | undefined {
  const { app } = value as { readonly app?: App };
  const description = value as DescribedConfig;
  const given = described.filter(
    (field) =>
      description[field] !== undefined && !(field === "authenticate" && description[field] === "none"),
  );
  if (app) {
    if (given.length === 0) return withDurability(app, durability);
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${name}: ${given[0]} cannot be combined with app, which defines its own`,
    );
  }
  if (given.length === 0) return undefined;
  const options = describeApp(description, { env, file, name });
  if (options.channels === undefined)
    throw new HoldfastError(
      "HF_CONFIG_INVALID",
      `${name}: channels is required with ${given[0]}; use "{name*}" for all channels`,
    );
  return withDurability(defineApp(options), durability);
}

function describeApp(
  { authenticate, anonymous, personalChannel, channels }: DescribedConfig,
  context: SecretContext,
): AppOptions<Channels, Methods> {
  const tokens =
    typeof authenticate === "object" &&
    (resolveSecrets(authenticate.jwt, ["authenticate", "jwt"], context) as Omit<TokenOptions, "now">);
  return {
    ...(tokens && { authenticate: jwt(tokens) }),
    ...(anonymous !== undefined && { anonymous }),
    ...(personalChannel !== undefined && { personalChannel }),
    ...(channels && { channels: mapValues(channels, (options) => channel(options as ChannelOptions)) }),
  };
}

function withDurability(app: App, durability: Durability | undefined): App {
  const { channels } = app.options;
  if (durability === undefined || channels === undefined) return app;
  return new App({
    ...app.options,
    channels: mapValues(channels, ({ options }): ChannelDefinition => channel({ durability, ...options })),
  });
}

function mapValues<T, U>(values: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, change(value)]));
}
