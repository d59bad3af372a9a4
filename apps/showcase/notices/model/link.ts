/** What notifications need of the server. All promises reject when there is no answer, or the server refuses. */
import type { Marks, MarksChange } from "../server/marks.js";
import type { Notice } from "../server/notice.js";

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
