/**
 * Who may do what, as a page: from the table that applications are compiled by, the methods of the client protocol, and
 * those of the HTTP interface. `npx vitest run test/repo/permissions.test.ts -u` writes it anew.
 */
import { type Access, type AccessDefault, accessDefaults } from "../../packages/holdfast/src/app/access.js";
import type { Scope } from "../../packages/holdfast/src/http/api/api-method.js";
import { apiMethods } from "../../packages/holdfast/src/http/api/methods.js";
import { disconnectTable, errorTable } from "../../packages/holdfast/src/wire/codes.js";
import type { Method } from "../../packages/holdfast/src/wire/messages.js";

type ByTable = keyof typeof accessDefaults;

export interface Operation {
  /** What the table of defaults has it as, or a sentence where it is not asked for there. */
  readonly who: ByTable | string;
  readonly changed: string;
  readonly refused: string;
}

const error = (name: keyof typeof errorTable) => `error ${errorTable[name].code}`;
const close = (name: keyof typeof disconnectTable) => `close ${disconnectTable[name].code}`;
const denied = error("permissionDenied");
const presenceOff = `; ${error("notAvailable")} if the channel has no \`presence\``;

/** Of each command of the client protocol; a new one does not compile without its row. */
export const operations: Readonly<Record<Method | "send", Operation>> = {
  connect: {
    who: "clients that `authenticate` recognizes; everybody if there is none",
    changed: "`authenticate`, `anonymous`, `onConnect`",
    refused:
      `${close("badRequest")} without credentials, ${close("invalidToken")}, ${error("tokenExpired")} for an expired ` +
      `token, ${close("permissionDenied")} by \`reject\` in \`authenticate\`, 4500–4999 by \`reject\` in \`onConnect\``,
  },
  subscribe: {
    who: "subscribe",
    changed:
      "`allow.subscribe`, the `subscribe` hook, a token for the channel; the server may subscribe anybody",
    refused: `${denied}; 400–1999 by the hook; ${close("invalidToken")} for another user's token`,
  },
  unsubscribe: { who: "everybody", changed: "nothing", refused: "never" },
  publish: {
    who: "publish",
    changed: "`allow.publish`, the `publish` hook",
    refused: `${denied}; 400–1999 by the hook; ${error("badRequest")} by the schema`,
  },
  presence: {
    who: "presence",
    changed: "`allow.presence`",
    refused: `${denied}${presenceOff}`,
  },
  presence_stats: {
    who: "presence",
    changed: "`allow.presence`",
    refused: `${denied}${presenceOff}`,
  },
  history: {
    who: "history",
    changed: "`allow.history`",
    refused: `${denied}; ${error("notAvailable")} if nothing is kept`,
  },
  rpc: {
    who: "rpc",
    changed: "the method's `allow`",
    refused: `${denied}; ${error("methodNotFound")} if there is no such method; 400–1999 by \`reject\``,
  },
  send: {
    who: "everybody if there is `onMessage`; else nobody",
    changed: "`onMessage`",
    refused: close("notAvailable"),
  },
  refresh: {
    who: "clients with a newer token of the same user",
    changed: "`authenticate: jwt({ … })`",
    refused: `${error("notAvailable")} without \`jwt\`; ${close("invalidToken")}; ${close("connectionExpired")}`,
  },
  sub_refresh: {
    who: "subscribers with a newer token for the channel",
    changed: "`authenticate: jwt({ … })`",
    refused: `${error("notAvailable")} without \`jwt\`; ${denied} without a subscription; ${close("invalidToken")}`,
  },
  ping: { who: "nobody: the server pings", changed: "nothing", refused: error("notAvailable") },
};

const words: Readonly<Record<string, string>> = {
  all: "everybody",
  users: "everybody with a user id",
  subscribers: "subscribers of the channel",
  false: "only the server",
};

function inWords(access: Access): string {
  const found = words[String(access)];
  if (found === undefined) throw new Error(`no words for ${String(access)}`);
  return found;
}

function describeDefaults(defaults: readonly AccessDefault[]): string {
  return defaults
    .map(({ where, access }, i) => {
      const who = inWords(access);
      if (where !== undefined) return `${who} if ${where}`;
      return i === 0 ? who : `else ${who}`;
    })
    .join("; ");
}

const scopes: Readonly<Record<Scope, string>> = {
  read: "`read`, `publish`, `admin`",
  publish: "`publish`, `admin`",
  admin: "`admin`",
};

export function createPermissionsPage(): string {
  const commands = Object.entries(operations).map(([name, { who, changed, refused }]) => {
    const whoByDefault = who in accessDefaults ? describeDefaults(accessDefaults[who as ByTable]) : who;
    return `| \`${name}\` | ${whoByDefault} | ${changed} | ${refused} |`;
  });
  const methods = [...apiMethods].map(
    ([name, { scope, summary }]) => `| \`${name}\` | ${scopes[scope]} | ${summary} |`,
  );
  return `# Permissions

Generated and checked against a running server by a test: \`npx vitest run test/repo/permissions.test.ts -u\`. Set them [in the
application](../howto/applications.md#who-may-do-what); the numbers are [codes](codes.md). Without an application everybody may do everything.

## Clients

| command | by default for | changed by | a refusal |
|---|---|---|---|
${commands.join("\n")}

A channel that no pattern matches is ${error("unknownChannel")} for everybody. The method \`holdfast.publish\` has the rules of the command
\`publish\`. \`history\` and \`presence\` apply to the data, [however it is requested](../howto/applications.md#who-may-do-what).

[Channels over plain HTTP](http-channels.md#permissions) have the same rules; ${denied} is status 403, ${error("unauthorized")} and
${error("tokenExpired")} are 401.

## Other servers

\`POST /api/METHOD\` with a key of \`apiKeys\`, which applies to every channel, whatever its \`allow\`. A key given as a string has all scopes.
An unknown key is status 401, a missing scope ${denied} (status 403 if the caller asks for statuses).

| method | scopes | what it does |
|---|---|---|
${methods.join("\n")}

\`batch\` needs the scopes of its methods. \`GET /api/openapi.json\`, \`GET /health\` and \`GET /health/live\` are open to everybody.
`;
}
