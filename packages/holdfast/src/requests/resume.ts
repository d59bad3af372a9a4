/**
 * The position a reader over plain HTTP resumes from, in every form that clients send: `since`, and the id of the last event
 * from `EventSource` and its replacements. A parameter that looks like one of these but is unknown is refused: a reader that
 * started at the head instead would miss publications without notice.
 */
import type { ConnectionRequest } from "../sessions/identity.js";
import { type Position, parsePosition, positionFormat } from "../wire/messages.js";
import { queryOf } from "./exchange.js";

/** By precedence: the id of an event is newer than the URL that a stream was opened with. */
const parameters = ["lastEventId", "Last-Event-ID", "since"] as const;
const accepted =
  "resume with ?since=EPOCH:OFFSET, or with the id of the last event as Last-Event-ID or ?lastEventId=";

/** In lower case, letters only. */
const resumeLike: ReadonlySet<string> = new Set([
  ...[
    "after",
    "cursor",
    "epoch",
    "eventid",
    "from",
    "fromoffset",
    "last",
    "lastevent",
    "lasteventid",
    "lastid",
  ],
  ...["lastoffset", "lastposition", "offset", "position", "recover", "resume", "resumefrom", "seq", "since"],
  ...["sinceepoch", "sinceid", "sinceoffset", "start", "startafter", "startat", "startfrom"],
]);
const connectLike: ReadonlySet<string> = new Set(["cfconnect", "connect", "subs"]);

/**
 * @param known further parameters of the path
 * @returns the position, if there is one, or why it is refused, as a sentence without full stop
 */
export function readResume(
  request: ConnectionRequest,
  known: readonly string[],
): { readonly since?: Position } | string {
  const query = queryOf(request.url);
  const own: readonly string[] = [...parameters, ...known];
  const unknown = [...query.keys()].find((name) => !own.includes(name) && looksLikeResume(name));
  if (unknown !== undefined) return `?${unknown.slice(0, 40)}= is an unknown parameter: ${accepted}`;
  const twice = parameters.find((name) => new Set(query.getAll(name)).size > 1);
  if (twice !== undefined) return `?${twice}= appears twice with different values`;
  const field = request.headers["last-event-id"];
  const found = [
    ["Last-Event-ID", field],
    ...parameters.map((name) => [name, query.get(name)] as const),
    // An empty id means that there was no event yet.
  ].find(([name, text]) => (name === "since" ? text !== null : text));
  if (found === undefined) return {};
  const [name, text] = found as readonly [string, string];
  const since = parsePosition(text);
  if (since !== undefined) return { since };
  return `${name} must be ${positionFormat}, but is ${JSON.stringify(text.slice(0, 40))}: ${accepted}`;
}

/** For paths where the connect command has the position. @returns where it belongs, as a sentence without full stop */
export function findMisplacedResume({ url, headers }: ConnectionRequest): string | undefined {
  const inCommand =
    'put the position into the connect command, as in cf_connect={"subs":{"CHANNEL":{"recover":true,"epoch":…,"offset":…}}}';
  if (headers["last-event-id"]) return `Last-Event-ID has no effect here: ${inCommand}`;
  const name = [...queryOf(url).keys()].find(
    (each) => each !== "cf_connect" && (looksLikeResume(each) || connectLike.has(normalize(each))),
  );
  return name === undefined ? undefined : `?${name.slice(0, 40)}= is an unknown parameter: ${inCommand}`;
}

function looksLikeResume(name: string): boolean {
  const plain = normalize(name);
  return resumeLike.has(plain) || isTypoOf(plain, "since") || isTypoOf(plain, "lasteventid");
}

function normalize(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

/** Whether one letter is missing, added or different, or two neighbours are swapped. */
function isTypoOf(text: string, word: string): boolean {
  if (Math.abs(text.length - word.length) > 1) return false;
  let start = 0;
  while (start < word.length && text[start] === word[start]) start++;
  const [left, right] = [text.slice(start), word.slice(start)];
  const isSwapped = left[0] === right[1] && left[1] === right[0] && left.slice(2) === right.slice(2);
  return (
    left.slice(1) === right.slice(1) ||
    left.slice(1) === right ||
    left === right.slice(1) ||
    (left.length > 1 && isSwapped)
  );
}
