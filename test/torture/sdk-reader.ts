/**
 * A subscriber on the centrifuge SDK, which knows nothing of this harness: what it tells its user must hold as well. Over
 * a WebSocket, with payloads as patches or whole, or over one of the streams that it falls back to.
 */
import type { Socket } from "node:net";
import { Centrifuge, type Subscription, type TransportEndpoint } from "centrifuge";
import { Agent, buildConnector, EventSource, fetch } from "undici";
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

export const sdkWays = ["websocket", "patches", "http_stream", "sse"] as const;
export type SdkWay = (typeof sdkWays)[number];

export class SdkReader implements TortureReader {
  readonly counts = { delivered: 0, told: 0 };
  readonly user = undefined;
  readonly #options: ReaderOptions;
  readonly #client: Centrifuge;
  readonly #seats = new Map<string, Seat>();
  #socket: WebSocket | undefined;
  #localPort: number | undefined;
  #isStopped = false;

  constructor(options: ReaderOptions, way: SdkWay) {
    this.#options = options;
    const note = (socket: WebSocket) => this.#watch(socket);
    const http = new URL(options.url.replace("ws:", "http:")).origin;
    const isSocket = way === "websocket" || way === "patches";
    const endpoints: TransportEndpoint[] = [
      { transport: way as "sse", endpoint: `${http}/connection/${way}` },
    ];
    const dispatcher = createAgent((port) => {
      this.#localPort = port;
    });
    this.#client = new Centrifuge(isSocket ? options.url : endpoints, {
      emulationEndpoint: `${http}/emulation`,
      fetch: (url: string, init: object) => fetch(url, { ...init, dispatcher }),
      eventsource: class extends EventSource {
        constructor(url: string) {
          super(url, { dispatcher });
        }
      },
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
    for (const channel of options.channels) this.#follow(channel, way);
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

  #follow(channel: string, way: SdkWay): void {
    const { recorder, name } = this.#options;
    const subscription = this.#client.newSubscription(channel, {
      minResubscribeDelay: 20,
      maxResubscribeDelay: 300,
      ...(way === "patches" && { delta: "fossil" as const }),
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

/** Connections of their own for one client, which tell the port that the newest comes from. */
function createAgent(onConnected: (localPort: number | undefined) => void): Agent {
  const connect = buildConnector({});
  return new Agent({
    connect(options, callback) {
      connect(options, (error, socket) => {
        if (error) {
          callback(error, null);
          return;
        }
        onConnected((socket as Socket).localPort);
        callback(null, socket as Socket);
      });
    },
  });
}
