/** A subscriber on the centrifuge SDK, which knows nothing of this harness: what it tells its user must hold as well. */
import { Centrifuge, type Subscription } from "centrifuge";
import WebSocket from "ws";
import type { Position, ReaderEvent, Reading } from "./history.js";
import { idIn, type ReaderOptions, type TortureReader } from "./reader.js";

interface Seat {
  readonly reading: Reading;
  readonly subscription: Subscription;
  position: Position | undefined;
  /** Counts the times that it was subscribed, for which the SDK has no number. */
  connection: number;
}

export class SdkReader implements TortureReader {
  readonly counts = { delivered: 0, told: 0 };
  readonly #options: ReaderOptions;
  readonly #client: Centrifuge;
  readonly #seats = new Map<string, Seat>();
  #socket: WebSocket | undefined;
  #localPort: number | undefined;
  #isStopped = false;

  constructor(options: ReaderOptions) {
    this.#options = options;
    const note = (socket: WebSocket) => this.#watch(socket);
    this.#client = new Centrifuge(options.url, {
      websocket: class extends WebSocket {
        constructor(url: string) {
          super(url, { perMessageDeflate: false });
          note(this);
        }
      },
      minReconnectDelay: 20,
      maxReconnectDelay: 300,
      maxServerPingDelay: 2500,
    });
    this.#client.on("disconnected", ({ code, reason }) => {
      if (!this.#isStopped) options.onFailure(`${options.name} was disconnected: ${code} ${reason}`);
    });
    for (const channel of options.channels) this.#follow(channel);
    this.#client.connect();
  }

  get name(): string {
    return this.#options.name;
  }

  get channels(): readonly string[] {
    return this.#options.channels;
  }

  get localPort(): number | undefined {
    return this.#localPort;
  }

  positionIn(channel: string): Position | undefined {
    return this.#seats.get(channel)?.position;
  }

  pause(ms: number): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.pause();
    setTimeout(() => socket.resume(), ms);
  }

  leave(awayMs: number): void {
    const seat = this.#seats.get(this.#options.random.pick(this.channels));
    if (seat?.subscription.state !== "subscribed") return;
    seat.subscription.unsubscribe();
    setTimeout(() => {
      if (!this.#isStopped) seat.subscription.subscribe();
    }, awayMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#client.disconnect();
  }

  #watch(socket: WebSocket): void {
    socket.on("upgrade", ({ socket: { localPort } }) => {
      this.#socket = socket;
      this.#localPort = localPort;
    });
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#localPort = undefined;
    });
  }

  #follow(channel: string): void {
    const { recorder, name } = this.#options;
    const subscription = this.#client.newSubscription(channel, {
      minResubscribeDelay: 20,
      maxResubscribeDelay: 300,
    });
    const reading = recorder.reading(name, channel);
    const seat: Seat = { reading, subscription, position: undefined, connection: 0 };
    this.#seats.set(channel, seat);
    const note = (event: ReaderEvent) => reading.events.push(event);
    const now = () => ({ at: recorder.tick(), connection: seat.connection });

    subscription.on("subscribed", ({ wasRecovering, recovered, streamPosition }) => {
      seat.connection++;
      const asked = wasRecovering ? seat.position : undefined;
      const { epoch = "", offset = 0 } = streamPosition ?? {};
      const position = { epoch, offset };
      if (wasRecovering && !recovered) this.counts.told++;
      note({ kind: "subscribed", ...now(), ...(asked && { asked }), position, isRecovered: recovered });
      seat.position = position;
    });
    subscription.on("publication", ({ offset = 0, data }) => {
      this.counts.delivered++;
      const position = { epoch: seat.position?.epoch ?? "", offset };
      note({ kind: "delivered", ...now(), position, id: idIn(data) });
      seat.position = position;
    });
    subscription.on("subscribing", ({ code }) => note({ kind: "unsubscribed", ...now(), code }));
    subscription.on("unsubscribed", ({ code, reason }) => {
      note({ kind: "unsubscribed", ...now(), code });
      // 0 is its own wish.
      if (code !== 0) this.#options.onFailure(`${name} was unsubscribed from ${channel}: ${code} ${reason}`);
    });
    subscription.subscribe();
  }
}
