/** Where the story's requests go: its own channel on this server, each saying what it is for. */

/** @param bytes 16 random ones, so that nobody can guess it @returns base64url */
export function createTraceId(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export class Place {
  readonly trace: string;
  /** Of the visitor's own letters. */
  readonly channel: string;
  readonly #base: string;
  readonly #as: string;

  /** @param page address of the page */
  constructor(page: URL, trace: string) {
    this.trace = trace;
    this.channel = `story:${trace}`;
    this.#base = new URL("./", page).href;
    const as = page.searchParams.get("as");
    this.#as = as === null ? "" : `&as=${encodeURIComponent(as)}`;
  }

  /** @param label what it is for; lower-case letters */
  request(label: string, query = ""): string {
    return `${this.#base}channels/${this.channel}?${query}${this.#mark(label)}`;
  }

  webSocket(label: string): string {
    const url = new URL(`connection/websocket?${this.#mark(label)}`, this.#base);
    url.protocol = url.protocol.replace("http", "ws");
    return url.href;
  }

  /** Without a label: what watches is not counted. */
  get tap(): string {
    return `${this.#base}channels/trace:${this.trace}?guest&limit=0`;
  }

  tapEvents(since: string): string {
    return `${this.#base}channels/trace:${this.trace}/events?guest&since=${encodeURIComponent(since)}`;
  }

  events(label: string, since: string): string {
    return `${this.#base}channels/${this.channel}/events?since=${encodeURIComponent(since)}&${this.#mark(label)}`;
  }

  cut(label: string): string {
    return `${this.#base}story/cut?trace=${this.trace}.${label}`;
  }

  #mark(label: string): string {
    return `guest&trace=${this.trace}.${label}${this.#as}`;
  }
}

export interface ReadAnswer extends Position {
  readonly publications?: readonly Letter[];
}

export interface Letter {
  readonly data: { readonly text: string; readonly from: "you" | "server" };
  readonly offset: number;
}

/** @throws Error that says what was answered */
export async function readChannel(url: string, signal?: AbortSignal): Promise<ReadAnswer> {
  const response = await fetch(url, { cache: "no-store", ...(signal && { signal }) });
  if (!response.ok) throw new Error(await faultOf(response));
  return (await response.json()) as ReadAnswer;
}

export async function post(url: string, text: string): Promise<Position> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text }),
  });
  if (!response.ok) throw new Error(await faultOf(response));
  return (await response.json()) as Position;
}

async function faultOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  return `The server answered ${response.status}${text === "" ? "" : `: ${text.slice(0, 200)}`}`;
}
