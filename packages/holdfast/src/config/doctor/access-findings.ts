/** Who may connect and publish, from where. */
import type { Access } from "../../app/access.js";
import { isLoopback } from "../../requests/origins.js";
import type { Configuration } from "../load-config.js";
import type { Finding } from "./finding.js";

export function findAccessFaults(configuration: Configuration): readonly Finding[] {
  return [
    ...findMissingAuthentication(configuration),
    ...findOpenChannels(configuration),
    ...findOpenOrigins(configuration),
    ...findMissingTls(configuration),
  ];
}

export function isReachable({ settings }: Configuration): boolean {
  return !isLoopback(String(settings.get("host")?.value));
}

function findMissingAuthentication(configuration: Configuration): readonly Finding[] {
  if (configuration.app?.options.authenticate !== undefined) return [];
  const host = String(configuration.settings.get("host")?.value);
  const open = configuration.app ? "" : ", and may use every channel";
  if (!isReachable(configuration))
    return [
      {
        severity: "note",
        id: "no-authentication",
        message: `clients are believed who they say they are${open}; only this machine can connect (${host})`,
        advice: "before others may connect, say authenticate in the configuration",
      },
    ];
  return [
    {
      severity: "error",
      id: "no-authentication",
      message: `whoever reaches ${host} is believed who they say they are${open}`,
      advice:
        "say authenticate: { jwt: { secret: { env: … } } } in the configuration, or listen on 127.0.0.1",
    },
  ];
}

function findOpenChannels({ app }: Configuration): readonly Finding[] {
  if (app === undefined) return [];
  const isAnonymousLetIn = app.options.authenticate === undefined || app.options.anonymous === true;
  return Object.entries(app.options.channels ?? {}).flatMap(([pattern, { options }]): Finding[] => {
    const { allow = {}, data, publish } = options;
    const everybody = app.options.authenticate === undefined ? "all" : "users";
    const mayPublish = allow.publish ?? ((data ?? publish) ? "subscribers" : false);
    const maySubscribe = allow.subscribe ?? (pattern === app.options.personalChannel ? false : everybody);
    const isOpen = isForAll(mayPublish) || (has(mayPublish, "subscribers") && isForAll(maySubscribe));
    if (!isOpen) return [];
    const who = isAnonymousLetIn ? "anybody, without saying who they are," : "every client that may connect";
    return [
      {
        severity: isAnonymousLetIn ? "warning" : "note",
        id: "open-publish",
        message: `${who} may publish in channels["${pattern}"]`,
        advice: 'say allow.publish: "users", "subscribers", "role:NAME" or false, unless that is meant',
      },
    ];
  });
}

function has(access: Access, word: string): boolean {
  return typeof access !== "function" && [access].flat().includes(word as never);
}

function isForAll(access: Access): boolean {
  return access === true || has(access, "all");
}

function findOpenOrigins({ settings }: Configuration): readonly Finding[] {
  const origins = settings.get("allowedOrigins")?.value;
  if (!Array.isArray(origins) || !origins.includes("*")) return [];
  return [
    {
      severity: "warning",
      id: "wildcard-origin",
      message: "pages of every origin may connect from their visitors' browsers (allowedOrigins: *)",
      advice: "list the origins of your own pages, such as https://example.com",
    },
  ];
}

function findMissingTls(configuration: Configuration): readonly Finding[] {
  if (!isReachable(configuration) || configuration.settings.get("tls.cert")?.value !== null) return [];
  return [
    {
      severity: "warning",
      id: "no-tls",
      message:
        "the server listens beyond this machine without TLS: tokens and messages can be read on their way",
      advice: "say tls: { cert, key }, unless a proxy in front of it ends TLS",
    },
  ];
}
