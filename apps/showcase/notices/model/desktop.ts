/** Notifications of the system itself: only for who has asked for them, and only while the page cannot be seen. */
import type { Notice } from "../server/notice.js";
import type { Received } from "./notices.js";

/** The part of the browser that is used. */
export interface DesktopApi {
  /** Undefined where there is no such thing. */
  permission(): "default" | "granted" | "denied" | undefined;
  request(): Promise<unknown>;
  /** Of several with one tag the last is shown. */
  show(title: string, options: { body: string; tag: string }): void;
  isHidden(): boolean;
}

export interface DesktopOptions {
  readonly api: DesktopApi;
  /** What was chosen before. */
  readonly isWanted: boolean;
  readonly keep: (isWanted: boolean) => void;
  readonly onChange: () => void;
}

export type DesktopState = "absent" | "off" | "on" | "denied";

export class Desktop {
  readonly #options: DesktopOptions;
  #isWanted: boolean;

  constructor(options: DesktopOptions) {
    this.#options = options;
    this.#isWanted = options.isWanted;
  }

  get state(): DesktopState {
    const permission = this.#options.api.permission();
    if (permission === undefined) return "absent";
    if (permission === "denied") return "denied";
    return this.#isWanted && permission === "granted" ? "on" : "off";
  }

  /** Asks the person, where they have not been asked. */
  async turnOn(): Promise<void> {
    const { api } = this.#options;
    if (api.permission() === "default") await api.request().catch(() => undefined);
    this.#set(api.permission() === "granted");
  }

  turnOff(): void {
    this.#set(false);
  }

  tell({ offset, notice }: Received): void {
    const { api } = this.#options;
    // Several windows of a person are one notification: by its tag.
    if (this.state === "on" && api.isHidden())
      api.show(headingOf(notice), { body: notice.text, tag: `holdfast-notice-${offset}` });
  }

  #set(isWanted: boolean): void {
    this.#isWanted = isWanted;
    this.#options.keep(isWanted);
    this.#options.onChange();
  }
}

export function headingOf({ title, from }: Notice): string {
  return title ?? from.name;
}
