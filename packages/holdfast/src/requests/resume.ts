/**
 * Where a reader over plain HTTP wants to go on, in every way that clients say it: `since`, and the id of the last event as
 * `EventSource` and its replacements send it. What looks like such a wish and is none is refused: a reader that is begun at
 * the head instead would miss publications without a word.
 */
import type { ConnectionRequest } from "../sessions/identity.js";
import { type Position, parsePosition, positionAdvice } from "../wire/messages.js";
import { queryOf } from "./credentials.js";

/** In the order in which they count: the id of an event is newer than the address that a stream was opened with. */
const parameters = ["lastEventId", "Last-Event-ID", "since"] as const;
const accepted =
  "a reader goes on with ?since=EPOCH:OFFSET, or with the id of the last event as Last-Event-ID or ?lastEventId=";

/** Without case and punctuation. */
const alike: ReadonlySet<string> = new Set([
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
const connectAlike: ReadonlySet<string> = new Set(["cfconnect", "connect", "subs"]);

/**
 * @param known parameters of the path beside those
 * @returns the position, if there is one, or the sentence that says why it is not accepted
 */
export function readResume(
  request: ConnectionRequest,
  known: readonly string[],
): { readonly since?: Position } | string {
  const query = queryOf(request.url);
  const own: readonly string[] = [...parameters, ...known];
  const unknown = [...query.keys()].find((name) => !own.includes(name) && looksLikeResume(name));
  if (unknown !== undefined) return `?${unknown.slice(0, 40)}= is not known here: ${accepted}`;
  const twice = parameters.find((name) => new Set(query.getAll(name)).size > 1);
  if (twice !== undefined) return `?${twice}= is there twice, and says different things`;
  const field = request.headers["last-event-id"];
  const found = [
    ["Last-Event-ID", field],
    ...parameters.map((name) => [name, query.get(name)] as const),
    // An empty id says that there was no event yet.
  ].find(([name, text]) => (name === "since" ? text !== null : text));
  if (found === undefined) return {};
  const [name, text] = found as readonly [string, string];
  const since = parsePosition(text);
  if (since !== undefined) return { since };
  return `${name} must be ${positionAdvice}, but is ${JSON.stringify(text.slice(0, 40))}: ${accepted}`;
}

/** Of paths where the connect command says it. @returns the sentence that says where it belongs */
export function findMisplacedResume({ url, headers }: ConnectionRequest): string | undefined {
  const inCommand =
    'a position goes into the connect command, as in cf_connect={"subs":{"CHANNEL":{"recover":true,"epoch":…,"offset":…}}}';
  if (headers["last-event-id"]) return `Last-Event-ID means nothing here: ${inCommand}`;
  const name = [...queryOf(url).keys()].find(
    (each) => each !== "cf_connect" && (looksLikeResume(each) || connectAlike.has(normalize(each))),
  );
  return name === undefined ? undefined : `?${name.slice(0, 40)}= is not known here: ${inCommand}`;
}

function looksLikeResume(name: string): boolean {
  const plain = normalize(name);
  return alike.has(plain) || isTypoOf(plain, "since") || isTypoOf(plain, "lasteventid");
}

function normalize(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, "");
}

/** Whether one letter is missing, added or another, or two neighbours have changed places. */
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
