/**
 * Entry of `holdfast/internal`: parts of the server and the command that the lab and the showcase are made with. It may change
 * in any version.
 */
export { createTokens, type Tokens } from "./auth/tokens.js";
export { describeData, isLocal, openSuggestions, tryNext, webSocketOf } from "./cli/banner.js";
export { type RunKeys, removeRunFile, runFileOf, writeRunFile } from "./cli/connection.js";
export { runCommand } from "./cli/program.js";
export { runServe, type ServeExtension } from "./cli/serve.js";
export { type ServerFlags, withServerFlags } from "./cli/server-flags.js";
export { endQuietlyWithoutReader, onEndSignal, writeNote, writeResult, writeText } from "./cli/terminal.js";
export type { Configuration } from "./config/load-config.js";
export { messageOf } from "./errors.js";
export type { OwnRoutes } from "./http/router.js";
export { parseJson, sendJson } from "./requests/exchange.js";
export { readBody } from "./sockets/open-request.js";
export { pathOf } from "./sockets/opening-request.js";
export { TokenBuckets } from "./time/token-bucket.js";
