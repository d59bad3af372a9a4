/** The log of a server, by its options: the program's logger, or lines on standard error in JSON or for people. */
import pino from "pino";
import { formatPretty, Log, type Logger, type LogLevel } from "../observe/log.js";
import { systemClock } from "../sockets/system-clock.js";

export interface LogSettings {
  readonly logger: Logger | undefined;
  readonly logLevel: LogLevel | "silent";
  readonly logFormat: "auto" | "json" | "pretty";
}

export function createServerLog(settings: LogSettings): Log {
  return new Log({ logger: settings.logger ?? createLogger(settings), clock: systemClock });
}

function createLogger({ logLevel: level, logFormat }: LogSettings): Logger {
  const { stderr } = process;
  const isPretty = logFormat === "pretty" || (logFormat === "auto" && stderr.isTTY === true);
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void stderr.write(isPretty ? formatPretty(line) : line) },
  );
}
