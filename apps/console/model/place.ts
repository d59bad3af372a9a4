/** Which view the address names, after its `#`: so that links, the back button and a reload lead where they should. */

export type View =
  | "overview"
  | "channels"
  | "channel"
  | "connections"
  | "connection"
  | "why"
  | "nodes"
  | "config";

export interface Place {
  readonly view: View;
  /** Of a channel, or a connection's id. */
  readonly name: string;
  readonly query: Readonly<Record<string, string>>;
}

const named: readonly View[] = ["channel", "connection"];
const views: readonly View[] = ["overview", "channels", "connections", "why", "nodes", "config", ...named];

/** @param hash such as `#/channel/chat%3Alobby?tail=1`; what is unknown is the overview */
export function parsePlace(hash: string): Place {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const slash = path.indexOf("/");
  const word = slash < 0 ? path : path.slice(0, slash);
  const view = views.find((each) => each === word) ?? "overview";
  const name = slash < 0 ? "" : decode(path.slice(slash + 1));
  if (named.includes(view) && name === "") return { view: "overview", name: "", query: {} };
  return { view, name, query: Object.fromEntries(new URLSearchParams(search)) };
}

/** The address of a place; what is empty is left out. */
export function linkTo(
  view: View,
  name = "",
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((each): each is [string, string] => Boolean(each[1]));
  const search = given.length === 0 ? "" : `?${new URLSearchParams(given)}`;
  return `#/${view}${name === "" ? "" : `/${encodeURIComponent(name)}`}${search}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
