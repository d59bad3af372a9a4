/** `holdfast config`. */
import { configJsonSchema } from "../config/config-schema.js";
import { assertConfiguration } from "../config/load-config.js";
import { configRows, formatRows } from "../config/print-config.js";
import { writeNote, writeText } from "./output.js";
import { loadWithFlags, type ServerFlags } from "./server-flags.js";

interface ConfigChoices {
  readonly print?: boolean;
  readonly json?: boolean;
  readonly check?: boolean;
  readonly schema?: boolean;
}

/** @throws HF_CONFIG_INVALID, HF_CLI_USAGE, HF_OPTION_INVALID when the configuration is not accepted */
export async function runConfig(given: ServerFlags & ConfigChoices): Promise<void> {
  const { json, check, schema } = given;
  if (schema) return writeText(JSON.stringify(configJsonSchema(), undefined, 2));
  const configuration = await loadWithFlags(given);
  assertConfiguration(configuration);
  if (check && !given.print && !json)
    return writeNote(
      `holdfast: ${configuration.config?.name ?? "without a file, the configuration"} is accepted`,
    );
  const rows = configRows(configuration);
  writeText(json ? JSON.stringify(rows, undefined, 2) : formatRows(rows));
}
