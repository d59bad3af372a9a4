/** A person's notifications: all that are kept, what is read of them, and what has just come. */
import { readServerError } from "../../shared/line/server-error.js";
import { isRead, type Marks, type MarksChange } from "../server/marks.js";
import type { Notice } from "../server/notice.js";
import { Desktop, type DesktopApi } from "./desktop.js";
import { NoticeList, ReadMarks } from "./notice-list.js";
import { Toasts } from "./toasts.js";

export interface NoticesOptions {
  readonly link: NoticesLink;
  readonly later: (delayMs: number, task: () => void) => () => void;
  readonly desktop: DesktopApi;
  readonly storage: { read(key: string): unknown; write(key: string, value: unknown): void };
}

export interface ShownNotice extends Received {
  readonly isUnread: boolean;
}

const desktopKey = "desktop-notices";

export class Notices {
  readonly toasts: Toasts;
  readonly desktop: Desktop;
  readonly #link: NoticesLink;
  readonly #list = new NoticeList();
  readonly #marks: ReadMarks;
  readonly #listeners = new Set<() => void>();
  readonly #ends: (() => void)[] = [];
  #leave: (() => void) | undefined;
  #isAsking = false;
  #isLoaded = false;
  #problem: string | undefined;

  constructor({ link, later, desktop, storage }: NoticesOptions) {
    const onChange = () => this.#changed();
    this.#link = link;
    this.toasts = new Toasts({ later, onChange });
    this.desktop = new Desktop({
      ...{ api: desktop, onChange },
      isWanted: storage.read(desktopKey) === true,
      keep: (isWanted) => storage.write(desktopKey, isWanted),
    });
    this.#marks = new ReadMarks({
      list: this.#list,
      send: (change) => link.mark(change),
      onChange: () => this.#followMarks(),
      onProblem: (error) => this.#fail(error),
    });
  }

  /** The newest first, without those that are put away. */
  get shown(): readonly ShownNotice[] {
    const marks = this.#marks.current;
    return this.#list.items
      .filter(({ offset }) => !marks.dismissed.includes(offset))
      .map((received) => ({ ...received, isUnread: !isRead(marks, received.offset) }));
  }

  get unread(): number {
    return this.shown.filter(({ isUnread }) => isUnread).length;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** In words; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    this.#ends.push(
      this.#link.onConnected(() => this.begin()),
      this.#link.watchMarks((marks, isReset) => this.#marks.receive(marks, isReset)),
    );
    if (this.#link.isConnected()) this.begin();
  }

  /** What has not begun yet; also for somebody who wants to try again. */
  begin(): void {
    if (!this.#leave) void this.#load();
    else if (this.#problem !== undefined) {
      this.#problem = undefined;
      this.#changed();
    }
  }

  markRead(offset: number): void {
    void this.#marks.change({ read: [offset] });
  }

  markAllRead(): void {
    if (this.#list.head > 0) void this.#marks.change({ readTo: this.#list.head });
  }

  dismiss(offset: number): void {
    void this.#marks.change({ dismiss: [offset] });
  }

  /** @returns what came of it, in words */
  async notify(name: string, text: string): Promise<{ isDone: boolean; words: string }> {
    return await inWords(async () => `Sent to ${(await this.#link.notify(name, text)).name}.`);
  }

  async notifyMe(seconds: number): Promise<{ isDone: boolean; words: string }> {
    return await inWords(async () => {
      await this.#link.notifyMe(seconds);
      return `It arrives in ${seconds} s. Meanwhile, go to another page or cut the line.`;
    });
  }

  close(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#leave?.();
    this.toasts.close();
    this.#listeners.clear();
  }

  /** What there is, and then what follows it. */
  async #load(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const position = await this.#fill();
      this.#isLoaded = true;
      this.#problem = undefined;
      this.#leave ??= this.#link.read(position, {
        onNotice: (received) => this.#receive(received),
        onStatus: ({ state, code = 0, reason = "", wasRecovering, recovered }) => {
          // Away for longer than is kept: what there is comes anew.
          if (state === "subscribed" && wasRecovering && !recovered) void this.#load();
          // Code 0 is this page's own leaving.
          if (state === "unsubscribed" && code !== 0) {
            this.#leave = undefined;
            this.#fail(reason);
          }
        },
      });
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#isAsking = false;
      this.#changed();
    }
  }

  /** An answer ends early where texts are long: the rest comes with the next. */
  async #fill(): Promise<Place> {
    const first = await this.#link.page();
    this.#list.fill(first.received, first.position);
    let oldest = first.received.at(-1)?.offset ?? 0;
    while (oldest > 1) {
      const page = await this.#link.page({ epoch: first.position.epoch, offset: oldest });
      if (page.received.length === 0) break;
      this.#list.fill(page.received, first.position);
      oldest = page.received.at(-1)?.offset ?? 0;
    }
    return first.position;
  }

  #receive(received: Received): void {
    if (!this.#list.add(received)) return;
    this.#changed();
    if (isRead(this.#marks.current, received.offset)) return;
    this.toasts.add(received);
    this.desktop.tell(received);
  }

  /** What is read, here or elsewhere, needs no word any more. */
  #followMarks(): void {
    const marks = this.#marks.current;
    for (const { offset } of [...this.toasts.shown]) if (isRead(marks, offset)) this.toasts.remove(offset);
    this.#changed();
  }

  #fail(error: unknown): void {
    this.#problem = readServerError(error).message;
    this.#changed();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

async function inWords(run: () => Promise<string>): Promise<{ isDone: boolean; words: string }> {
  try {
    return { isDone: true, words: await run() };
  } catch (error) {
    const words = readServerError(error).message;
    return { isDone: false, words: `${words.charAt(0).toUpperCase()}${words.slice(1)}.` };
  }
}

export interface Received {
  readonly offset: number;
  readonly notice: Notice;
}

export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** How a subscription stands, as far as it counts here. */
export interface ReadingStatus {
  readonly state: "subscribing" | "subscribed" | "unsubscribed";
  readonly reason?: string;
  readonly code?: number;
  readonly wasRecovering?: boolean;
  readonly recovered?: boolean;
}

export interface NoticesLink {
  /** Returns what ends that. */
  onConnected(listener: () => void): () => void;
  isConnected(): boolean;
  /** The newest first: all that are before a place, or as many as come at once. */
  page(before?: Place): Promise<{ readonly received: readonly Received[]; readonly position: Place }>;
  read(
    since: Place,
    listeners: { onNotice(received: Received): void; onStatus(status: ReadingStatus): void },
  ): () => void;
  /** Told of what is read: at once, and after each change; undefined where nothing is. Returns what ends that. */
  watchMarks(listener: (marks: Marks | undefined, isReset: boolean) => void): () => void;
  mark(change: MarksChange): Promise<Marks>;
  notify(name: string, text: string): Promise<{ readonly name: string }>;
  notifyMe(seconds: number): Promise<unknown>;
}
