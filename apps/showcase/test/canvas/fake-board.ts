/** The two channels of a board, as a server has them, for models: a log that keeps its newest, and a line that can be cut. */
import type {
  ChannelListeners,
  ChannelStatus,
  ClientInfo,
  HistoryPage,
  Publication,
} from "../../../../packages/client/src/index.js";
import type { BoardChannel, BoardLink, CursorChannel } from "../../canvas/model/canvas.js";
import { type BoardEvent, type CursorEvent, logSize } from "../../canvas/server/board.js";

type Logged = Publication<BoardEvent> & { readonly offset: number };

/** What the client rejects with where the server says no. */
export function refusal(code: number, message: string): Error {
  return Object.assign(new Error(`refused: ${message}`), {
    details: { code, isTemporary: false },
    cause: { code, message },
  });
}

export const info = (user: string, client = `${user}-1`): ClientInfo => ({
  client,
  user,
  connInfo: { name: user.toUpperCase() },
});

const channel = "canvas:harbour";

/** The log that all windows share. */
export class FakeLog {
  epoch = "e1";
  log: Logged[] = [];
  top = 0;
  readonly windows = new Set<FakeBoard>();
  readonly #keys = new Set<string>();

  /** @param key one that was taken before has no further effect */
  append(data: BoardEvent, by: ClientInfo, key = `${this.top}`): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    const publication = { channel, data: structuredClone(data), offset: ++this.top, info: by };
    this.log = [...this.log, publication].slice(-logSize);
    for (const window of this.windows) window.receive(publication);
  }
}

/** One window's line to it. */
export class FakeBoard {
  readonly info: ClientInfo;
  readonly failures: Error[] = [];
  readonly historyRequests: unknown[] = [];
  readonly pointed: CursorEvent[] = [];
  presence: ClientInfo[] = [];
  /** Lists of people that the server refuses. */
  refusedLists = 0;
  cursorListeners: ChannelListeners<CursorEvent> | undefined;
  isCut = false;
  /** Publications that were carried out, whose answers are lost. */
  lostAnswers = 0;
  readonly #log: FakeLog;
  #listeners: ChannelListeners<BoardEvent> | undefined;
  #position = { epoch: "", offset: 0 };
  readonly #waiting: (() => void)[] = [];

  constructor(log: FakeLog, by: ClientInfo) {
    this.#log = log;
    this.info = by;
    log.windows.add(this);
  }

  get link(): BoardLink {
    const board: BoardChannel = {
      subscribe: (listeners) => {
        this.#listeners = listeners as ChannelListeners<BoardEvent>;
        return () => {
          this.#listeners = undefined;
        };
      },
      publish: async (event, { idempotencyKey } = {}) => {
        const sent = structuredClone(event);
        if (this.isCut) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        const failure = this.failures.shift();
        if (failure) throw failure;
        this.#log.append(sent, this.info, idempotencyKey);
        if (this.lostAnswers-- > 0) throw new Error("the connection broke");
        return { epoch: this.#log.epoch, offset: this.#log.top };
      },
      history: async (choices = {}) => {
        this.historyRequests.push(choices);
        if (this.isCut) throw new Error("the connection broke");
        return this.#page(choices.limit ?? 0, choices.since?.offset);
      },
    };
    const cursors: CursorChannel = {
      subscribe: (listeners) => {
        this.cursorListeners = listeners as ChannelListeners<CursorEvent>;
        return () => {
          this.cursorListeners = undefined;
        };
      },
      publish: async (event) => {
        this.pointed.push(event);
        return { epoch: "", offset: 0 };
      },
      presence: async () => {
        if (this.refusedLists > 0) {
          this.refusedLists--;
          throw new Error("too busy");
        }
        return this.presence;
      },
    };
    return { board, cursors, ownClient: () => (this.isCut ? undefined : this.info.client) };
  }

  receive(publication: Logged): void {
    if (this.isCut || this.#position.epoch === "") return;
    this.#position = { epoch: this.#log.epoch, offset: publication.offset };
    this.#listeners?.onPublication?.(publication);
  }

  cut(): void {
    this.isCut = true;
    this.#tell({ state: "subscribing", code: 1, reason: "transport closed" });
  }

  /** The subscription begins, or goes on where it was. */
  connect(): void {
    this.isCut = false;
    const { epoch, top, log } = this.#log;
    const before = this.#position;
    const wasRecovering = before.epoch !== "";
    const missed = log.filter(({ offset }) => offset > before.offset);
    const recovered = wasRecovering && before.epoch === epoch && missed.length === top - before.offset;
    this.#position = { epoch, offset: recovered ? before.offset : top };
    this.#tell({ state: "subscribed", wasRecovering, recovered, position: { epoch, offset: top } });
    if (recovered) for (const publication of missed) this.receive(publication);
    for (const go of this.#waiting.splice(0)) go();
  }

  refuse(): void {
    this.#tell({ state: "unsubscribed", code: 103, reason: "permission denied" });
  }

  #page(limit: number, before = Number.POSITIVE_INFINITY): HistoryPage<BoardEvent> {
    const { log, epoch, top } = this.#log;
    const publications = log
      .filter(({ offset }) => offset < before)
      .slice(-limit)
      .reverse();
    return { publications, position: { epoch, offset: top } };
  }

  #tell(status: ChannelStatus): void {
    this.#listeners?.onStatus?.(status);
  }
}
