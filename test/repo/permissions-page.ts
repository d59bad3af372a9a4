/**
 * Who may do what, as a page: from the table that applications are compiled by, the methods of the client protocol, and
 * those of the HTTP interface. `npx vitest run test/repo/permissions.test.ts -u` writes it anew.
 */
import { type Access, type AccessDefault, accessDefaults } from "../../packages/holdfast/src/app/access.js";
import { apiMethods, type Scope } from "../../packages/holdfast/src/http/api/methods.js";
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
const presenceOff = `; ${error("notAvailable")} where the channel has no \`presence\``;

/** Of each command of the client protocol; a new one does not compile without its row. */
export const operations: Readonly<Record<Method | "send", Operation>> = {
  connect: {
    who: "whom `authenticate` knows; everybody where there is none",
    changed: "`authenticate`, `anonymous`, `onConnect`",
    refused:
      `${close("badRequest")} without anything to go by, ${close("invalidToken")}, ${error("tokenExpired")} for a token that ` +
      `has expired, ${close("permissionDenied")} by \`reject\` in \`authenticate\`, 4500–4999 by \`reject\` in \`onConnect\``,
  },
  subscribe: {
    who: "subscribe",
    changed:
      "`allow.subscribe`, the `subscribe` hook, a token for the channel; the server's side subscribes whom it likes",
    refused: `${denied}; 400–1999 by the hook; ${close("invalidToken")} for somebody else's token`,
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
    refused: `${denied}; ${error("notAvailable")} where nothing is kept`,
  },
  rpc: {
    who: "rpc",
    changed: "the method's `allow`",
    refused: `${denied}; ${error("methodNotFound")} where there is no such method; 400–1999 by \`reject\``,
  },
  send: {
    who: "everybody, where there is `onMessage`; else nobody",
    changed: "`onMessage`",
    refused: close("notAvailable"),
  },
  refresh: {
    who: "whoever has a newer token of the same user",
    changed: "`authenticate: jwt({ … })`",
    refused: `${error("notAvailable")} where there is no \`jwt\`; ${close("invalidToken")}; ${close("connectionExpired")}`,
  },
  sub_refresh: {
    who: "subscribers with a newer token for the channel",
    changed: "`authenticate: jwt({ … })`",
    refused: `${error("notAvailable")} where there is no \`jwt\`; ${denied} without a subscription; ${close("invalidToken")}`,
  },
  ping: { who: "nobody: it is the server that pings", changed: "nothing", refused: error("notAvailable") },
};

const words: Readonly<Record<string, string>> = {
  all: "everybody",
  users: "everybody with a user id",
  subscribers: "those that are subscribed to the channel",
  false: "nobody but the server",
};

function inWords(access: Access): string {
  const found = words[String(access)];
  if (found === undefined) throw new Error(`there are no words for ${String(access)}`);
  return found;
}

function describeDefaults(defaults: readonly AccessDefault[]): string {
  return defaults
    .map(({ where, access }, i) => {
      const who = inWords(access);
      if (where !== undefined) return `${who} where ${where}`;
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
  return `# Who may do what

Made from the code by a test, which asks a running server, too: \`npx vitest run test/repo/permissions.test.ts -u\` writes it anew.
How to say it is in [Write an application](../howto/applications.md), what the numbers mean in [Codes](codes.md). A server without an
application lets everybody do everything that a channel has room for.

## Clients

| command | by default for | changed by | a refusal |
|---|---|---|---|
${commands.join("\n")}

In a channel that no pattern matches, everybody gets ${error("unknownChannel")}. The method \`holdfast.publish\` goes by the same rules as
the command \`publish\`.

\`history\` and \`presence\` are permissions of data, and hold for every way to it: see
[Write an application](../howto/applications.md#who-may-do-what). Whom \`history\` is refused to recovers from positions that it was
given since it was let in; whom \`presence\` is refused to hears of no joins and leaves either, and may not subscribe to a map that lists
the channel's subscribers.

Requests to [channels over plain HTTP](http-channels.md) go by the same rules: reading from a position is \`subscribe\`, reading the
newest is \`history\` as a subscriber, publishing is \`publish\`, and who may subscribe counts as a subscriber. ${denied} is status 403,
${error("unauthorized")} and ${error("tokenExpired")} are 401.

## Other servers

\`POST /api/METHOD\` with a key of \`apiKeys\`. Without a key that is known: status 401. With one whose scope is not enough:
${denied}, which is status 403 where the caller asks for statuses. A key that is given as a text is for everything. Keys may do in every
channel what their scope says, whatever its \`allow\`.

| method | scopes | what it does |
|---|---|---|
${methods.join("\n")}

\`batch\` goes by the scopes of the methods in it. \`GET /api/openapi.json\` and \`GET /health\` are for everybody.
`;
}
