/** What the machine has to offer: a folder for data, certificates, and as many files as there may be connections. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf } from "../../errors.js";
import { findOpenToOthers } from "../../server/brokers.js";
import type { Configuration } from "../load-config.js";
import { isGiven } from "../settings.js";
import type { Finding } from "./finding.js";

export interface MachineContext {
  /** Unix milliseconds. */
  readonly now: number;
  /** The text of `/proc/self/limits`, where there is one. */
  readonly limits: string | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;
const soonDays = 30;
/** Pages, health, the store and the process itself need some, too. */
const spareFiles = 600;

export function findMachineFaults(configuration: Configuration, context: MachineContext): readonly Finding[] {
  return [
    ...findDataFaults(configuration),
    ...findPromisesOfMemory(configuration),
    ...findCertificateFaults(configuration, context.now),
    ...findFileLimit(configuration, context.limits),
  ];
}

export function readLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
}

function findDataFaults({ settings, options }: Configuration): readonly Finding[] {
  const folder = settings.get("data")?.value;
  if (typeof folder !== "string" || options.broker) return [];
  const fault = findFolderFault(resolve(folder));
  if (fault === undefined) return findStoreAccess(resolve(folder));
  return [
    {
      severity: "error",
      id: "data-not-writable",
      message: `the store cannot be kept in ${folder}: ${fault}`,
      advice: "choose another folder with --data, or let the user that runs the server write there",
    },
  ];
}

/** Publications, tokens that were revoked, and what users have said. */
function findStoreAccess(folder: string): readonly Finding[] {
  const open = findOpenToOthers(folder);
  if (open.length === 0) return [];
  return [
    {
      severity: "warning",
      id: "data-open-to-others",
      message: `other users of this machine may read or write what the store in ${folder} keeps: ${open.join(", ")}`,
      advice: `let the server's user own the folder, which then closes it at its next start, or run: chmod 700 ${folder} && chmod 600 ${folder}/*`,
    },
  ];
}

/** The folder, or the nearest one above it that is there, in which it would be made. */
function findFolderFault(folder: string): string | undefined {
  if (!existsSync(folder) && dirname(folder) !== folder) return findFolderFault(dirname(folder));
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is no folder`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** What is kept in memory survives nothing, whatever publishes wait for. */
function findPromisesOfMemory({ settings, options, app }: Configuration): readonly Finding[] {
  if (settings.get("data")?.value !== null || options.broker) return [];
  const general = isGiven(settings, "durability") ? [settings.get("durability")?.value] : [];
  const channels = Object.values(app?.options.channels ?? {}).map((channel) => channel.options.durability);
  const asked = [...general, ...channels].filter((each) => each === "process" || each === "disk");
  if (asked.length === 0) return [];
  const isDisk = asked.includes("disk");
  return [
    {
      severity: isDisk ? "error" : "warning",
      id: "memory-durability",
      message: `durability ${isDisk ? "disk" : "process"} is asked for, but everything is kept in memory and lost with the process`,
      advice: "name a folder with --data",
    },
  ];
}

function findCertificateFaults({ settings, options }: Configuration, now: number): readonly Finding[] {
  const { cert, key } = (options.tls ?? {}) as { readonly cert?: Buffer; readonly key?: Buffer };
  if (cert === undefined || key === undefined) return [];
  const file = String(settings.get("tls.cert")?.value);
  const error = (id: string, message: string, advice: string): Finding => ({
    severity: "error",
    id,
    message,
    advice,
  });
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(cert);
  } catch (cause) {
    return [
      error(
        "certificate-unreadable",
        `${file} is no certificate in PEM: ${messageOf(cause)}`,
        "name the file that begins with BEGIN CERTIFICATE",
      ),
    ];
  }
  return [
    ...findTimeFaults(certificate, file, now, error),
    ...findKeyFaults(certificate, key, settings, error),
  ];
}

type MakeError = (id: string, message: string, advice: string) => Finding;

function findTimeFaults(
  { validFrom, validTo }: X509Certificate,
  file: string,
  now: number,
  error: MakeError,
): Finding[] {
  const daysLeft = Math.floor((Date.parse(validTo) - now) / dayMs);
  if (Date.parse(validTo) <= now)
    return [
      error(
        "certificate-expired",
        `the certificate ${file} has ended on ${validTo}`,
        "get a new one: browsers refuse it",
      ),
    ];
  if (Date.parse(validFrom) > now)
    return [
      error(
        "certificate-expired",
        `the certificate ${file} begins on ${validFrom} only`,
        "look whether this machine's clock is right",
      ),
    ];
  if (daysLeft >= soonDays) return [];
  const message = `the certificate ${file} ends in ${daysLeft} ${daysLeft === 1 ? "day" : "days"}, on ${validTo}`;
  return [
    {
      severity: "warning",
      id: "certificate-expires",
      message,
      advice: "renew it, and start the server again",
    },
  ];
}

function findKeyFaults(
  certificate: X509Certificate,
  key: Buffer,
  settings: Configuration["settings"],
  error: MakeError,
): Finding[] {
  const file = String(settings.get("tls.key")?.value);
  try {
    if (certificate.checkPrivateKey(createPrivateKey(key))) return [];
    return [
      error(
        "certificate-key-mismatch",
        `the key ${file} is not that of the certificate`,
        "name the key that the certificate was asked for with",
      ),
    ];
  } catch (cause) {
    return [
      error(
        "certificate-key-mismatch",
        `${file} cannot be read as a private key: ${messageOf(cause)}`,
        "name a key in PEM that is not encrypted",
      ),
    ];
  }
}

function findFileLimit({ settings }: Configuration, limits: string | undefined): readonly Finding[] {
  const most = settings.get("maxConnections")?.value;
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1];
  if (typeof most !== "number" || soft === undefined || Number(soft) >= most + spareFiles) return [];
  return [
    {
      severity: "warning",
      id: "file-limit",
      message: `this process may open ${soft} files, fewer than maxConnections (${most}) and ${spareFiles} beside them`,
      advice: `raise it (ulimit -n ${most + spareFiles}, or LimitNOFILE of systemd), or lower --max-connections`,
    },
  ];
}
