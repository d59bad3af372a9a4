/**
 * What a moderator does: calls of the server's HTTP interface with an API key, which this window keeps for as long as it is
 * open. Whoever has the key can do these things without this page as well.
 */
import type { PageStorage } from "../../shared/session/storage.js";
import type { Author } from "./message.js";
import { channelOf } from "./rooms.js";
import type { Position } from "./timeline.js";

/** @returns the status and what stands in the answer; rejects when there is none */
export type ApiCall = (
  method: string,
  params: object,
  key: string,
) => Promise<{ status: number; body: Record<string, unknown> }>;

export interface Sanction {
  user: string;
  name: string;
  kind: "mute" | "ban";
}

export interface ModeratorOptions {
  /** Of this window, and gone with it. */
  storage: PageStorage;
  call: ApiCall;
  onChange: () => void;
}

/** SDKs do not come back after it. */
const banned = { code: 4503, reason: "a moderator has banned you" };
const sanctions = "sanctions";
const settings = "room-settings";

export class Moderator {
  readonly #options: ModeratorOptions;
  sanctions: readonly Sanction[] = [];
  /** Why the latest thing did not work, in words. */
  problem: string | undefined;

  constructor(options: ModeratorOptions) {
    this.#options = options;
  }

  get isActive(): boolean {
    return this.#key !== undefined;
  }

  get #key(): string | undefined {
    const key = this.#options.storage.read("moderator-key");
    return typeof key === "string" ? key : undefined;
  }

  /** @returns whether the key is accepted; it is kept then */
  async start(key: string): Promise<boolean> {
    // An answer to what only a key for everything may ask, and which does nothing.
    const isAccepted = await this.#act("disconnect", { user: "nobody", client: "nobody" }, key.trim());
    if (isAccepted) {
      this.#options.storage.write("moderator-key", key.trim());
      await this.refresh();
    }
    return isAccepted;
  }

  stop(): void {
    this.#options.storage.remove("moderator-key");
    this.sanctions = [];
    this.problem = undefined;
    this.#options.onChange();
  }

  async refresh(): Promise<void> {
    await this.#act("map_read_state", { channel: sanctions, limit: 100 }, this.#key, ({ entries }) => {
      const found = entries as { key: string; data: { kind: "mute" | "ban"; name?: string } }[];
      this.sanctions = found.map(({ key, data }) => ({ user: key, kind: data.kind, name: data.name ?? key }));
    });
  }

  async deleteMessage(room: string, { offset, epoch }: Position): Promise<void> {
    await this.#act("publish", { channel: channelOf(room), data: { event: "deleted", offset, epoch } });
  }

  /** What was said is forgotten on the server, too; deleting one message only hides it. */
  async clearRoom(room: string): Promise<void> {
    const channel = channelOf(room);
    if (await this.#act("history_remove", { channel }))
      await this.#act("publish", { channel, data: { event: "cleared" } });
  }

  async mute({ user, name }: Author): Promise<void> {
    await this.#sanction(user, { kind: "mute", name });
  }

  async ban({ user, name }: Author): Promise<void> {
    if (await this.#sanction(user, { kind: "ban", name }))
      await this.#act("disconnect", { user, disconnect: banned });
  }

  async lift(user: string): Promise<void> {
    if (await this.#act("map_remove", { channel: sanctions, key: user })) await this.refresh();
  }

  /** @param slowModeSeconds 0 ends it */
  async setSlowMode(room: string, slowModeSeconds: number): Promise<void> {
    await this.#act("map_publish", { channel: settings, key: channelOf(room), data: { slowModeSeconds } });
  }

  async slowModeOf(room: string): Promise<number> {
    let seconds = 0;
    await this.#act(
      "map_read_state",
      { channel: settings, key: channelOf(room) },
      this.#key,
      ({ entries }) => {
        const [entry] = entries as { data: { slowModeSeconds?: number } }[];
        seconds = entry?.data.slowModeSeconds ?? 0;
      },
    );
    return seconds;
  }

  async #sanction(user: string, data: { kind: "mute" | "ban"; name: string }): Promise<boolean> {
    const isDone = await this.#act("map_publish", { channel: sanctions, key: user, data });
    if (isDone) await this.refresh();
    return isDone;
  }

  /** @returns whether it was done; why not is in `problem` */
  async #act(
    method: string,
    params: object,
    key = this.#key ?? "",
    onResult: (result: Record<string, unknown>) => void = () => {},
  ): Promise<boolean> {
    this.problem = await this.#options.call(method, params, key).then(
      ({ status, body }) => {
        const { result, error } = body as { result?: Record<string, unknown>; error?: { message?: string } };
        if (status === 200 && result) onResult(result);
        else if (status === 401) return "That is not a key of this server.";
        else return `The server refused: ${error?.message ?? status}. Use a key of scope admin.`;
        return undefined;
      },
      () => "The server does not answer.",
    );
    this.#options.onChange();
    return this.problem === undefined;
  }
}
