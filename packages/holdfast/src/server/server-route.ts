/** From a request to the part of the server that answers it: the router with everything it needs. */
import { fileURLToPath } from "node:url";
import { type ApiOptions, createApi } from "../http/api/api.js";
import { ApiKeys, type ApiKeysOptions } from "../http/api/keys.js";
import { createConsoleRoute } from "../http/console-route.js";
import { createMetricsRoute } from "../http/metrics-route.js";
import { createPages } from "../http/pages.js";
import { createRouter, type Router, type RouterOptions } from "../http/router.js";
import type { ServerSettings } from "../options/schema.js";
import { version } from "./version.js";

/** In the built package, also when its sources run. */
const consoleFolder = fileURLToPath(new URL("../../dist/console", import.meta.url));

export interface ServerRouteParts
  extends Pick<ApiKeysOptions, "peerKeyOf" | "clock" | "audit">,
    Pick<ApiOptions, "tools" | "meters" | "expectedFailure">,
    Pick<
      RouterOptions,
      "admit" | "policy" | "isReady" | "streams" | "events" | "channels" | "explainWebSocket"
    > {
  readonly settings: ServerSettings;
  /** All metrics, as text. */
  readonly scrape: () => Promise<string>;
}

/** @param isPart whether another server answers what this one does not; then it has no pages of its own */
export function createServerRoute(parts: ServerRouteParts, isPart: boolean): Router {
  const { settings, scrape } = parts;
  const {
    apiKeys,
    apiKeyInQuery,
    maxMessageBytes: maxBodyBytes,
    routes,
    basePath,
    pages,
    console: isConsoleOn,
    onError,
  } = settings;
  const keys = new ApiKeys({
    ...parts,
    apiKeyInQuery,
    keys: apiKeys.map((key) => (typeof key === "string" ? { key, scope: "admin" } : key)),
  });
  const hasKeys = !keys.isEmpty;
  return createRouter({
    ...parts,
    basePath,
    hasConsole: isConsoleOn && hasKeys,
    console: createConsoleRoute({ folder: consoleFolder, isOn: isConsoleOn, hasKeys }),
    version,
    routes,
    pages: isPart || pages === null ? undefined : createPages(pages),
    api: createApi({ ...parts, keys, maxBodyBytes, version, onError }),
    // Without keys, the path may be the other server's.
    metrics: isPart && keys.isEmpty ? undefined : createMetricsRoute({ keys, scrape, onError }),
  });
}
