/** What stands at the other end of a session: sends frames of commands and reads what was written. */
import type { Session } from "../../../src/sessions/session.js";
import type { Disconnect } from "../../../src/wire/codes.js";
import type { ManualScheduler } from "../../channels/support/manual-scheduler.js";
import type { FakeTransport } from "./fake-transport.js";

interface Info {
  readonly user: string;
  readonly client: string;
  readonly conn_info?: unknown;
}

interface WirePublication {
  readonly data: unknown;
  readonly offset: number;
  readonly info?: Info;
  readonly epoch?: string;
  readonly key?: string;
  readonly delta?: boolean;
}

/** Any message of the server. */
export interface Message {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string; readonly temporary?: boolean };
  readonly connect?: {
    readonly client: string;
    readonly version: string;
    readonly ping: number;
    readonly pong: boolean;
  };
  readonly subscribe?: {
    readonly epoch?: string;
    readonly offset?: number;
    readonly publications?: readonly WirePublication[];
    readonly recovered?: boolean;
    readonly was_recovering?: boolean;
    readonly recoverable?: boolean;
    readonly positioned?: boolean;
  };
  readonly unsubscribe?: object;
  readonly publish?: object;
  readonly rpc?: { readonly data: unknown };
  readonly presence?: { readonly presence: Readonly<Record<string, Info>> };
  readonly presence_stats?: { readonly num_clients: number; readonly num_users: number };
  readonly history?: {
    readonly publications: readonly WirePublication[];
    readonly epoch: string;
    readonly offset: number;
  };
  readonly push?: {
    readonly channel: string;
    readonly pub?: WirePublication;
    readonly join?: { readonly info: Info };
    readonly leave?: { readonly info: Info };
    readonly unsubscribe?: { readonly code: number; readonly reason: string };
  };
}

export class TestClient {
  readonly transport: FakeTransport;
  readonly session: Session;
  readonly #scheduler: ManualScheduler;
  #taken = 0;

  constructor(transport: FakeTransport, session: Session, scheduler: ManualScheduler) {
    this.transport = transport;
    this.session = session;
    this.#scheduler = scheduler;
  }

  get id(): string {
    return this.session.id;
  }

  /** Sends commands as one frame; nothing runs yet but what runs at once. */
  send(...commands: readonly object[]): void {
    this.sendText(commands.map((command) => JSON.stringify(command)).join("\n"));
  }

  sendText(frame: string): void {
    if (this.transport.closes.length === 0) this.session.receive(frame);
  }

  /** Sends commands as one frame, and lets everything happen. */
  async ask(...commands: readonly object[]): Promise<Message[]> {
    this.send(...commands);
    return this.settle();
  }

  /** Lets everything happen, and gives the messages that are new. */
  async settle(): Promise<Message[]> {
    await this.#scheduler.runAll();
    return this.take();
  }

  take(): Message[] {
    const { messages } = this;
    const fresh = messages.slice(this.#taken);
    this.#taken = messages.length;
    return fresh;
  }

  get messages(): Message[] {
    return this.transport.writes
      .flat()
      .flatMap((frame) => frame.split("\n"))
      .map((line) => JSON.parse(line) as Message);
  }

  reply(id: number): Message | undefined {
    return this.messages.find((message) => message.id === id);
  }

  /** Messages in short: "1 connect", "2 error 105", "news pub 3", "news join c-1", "ping". */
  get labels(): string[] {
    return this.messages.map(labelOf);
  }

  /** Offsets of a channel's publications as they came, those in subscribe replies included. */
  offsets(channel: string): number[] {
    return this.messages.flatMap((message) => {
      const recovered = message.subscribe?.publications ?? [];
      const pushed = message.push?.channel === channel ? message.push.pub : undefined;
      return [...recovered, ...(pushed ? [pushed] : [])].map(({ offset }) => offset);
    });
  }

  /** A channel's pushed publications as they came. */
  pushes(channel: string): WirePublication[] {
    return this.messages.flatMap(({ push }) => (push?.channel === channel && push.pub ? [push.pub] : []));
  }

  unsubscribes(channel: string): { readonly code: number; readonly reason: string }[] {
    return this.messages.flatMap(({ push }) =>
      push?.channel === channel && push.unsubscribe ? [push.unsubscribe] : [],
    );
  }

  get closes(): readonly Disconnect[] {
    return this.transport.closes;
  }

  get closeCodes(): number[] {
    return this.transport.closes.map(({ code }) => code);
  }
}

export function labelOf({ id, error, push, ...rest }: Message): string {
  if (push) {
    const { channel, pub, join, leave, unsubscribe } = push;
    if (pub) return `${channel} pub ${pub.offset}`;
    if (unsubscribe) return `${channel} unsubscribe ${unsubscribe.code}`;
    return join ? `${channel} join ${join.info.client}` : `${channel} leave ${leave?.info.client}`;
  }
  if (id === undefined) return "ping";
  return error ? `${id} error ${error.code}` : `${id} ${Object.keys(rest)[0]}`;
}
