/** The one connection, through the published SDK: its events become calls on the chat's own objects. */
import { Centrifuge, type Subscription } from "centrifuge";
import type { ChatLink, LinkedChannel, RoomReceiver } from "./model/chat.js";
import type { ConnectionStatus } from "./model/connection-status.js";
import type { Author } from "./model/message.js";
import { channelOf } from "./model/rooms.js";

const maxReconnectDelayMs = 10_000;

export interface SdkLinkOptions {
  url: string;
  status: ConnectionStatus;
  /** The rooms that come back with a new connection. */
  rooms: () => Iterable<string>;
}

export function createSdkLink({ url, status, rooms }: SdkLinkOptions): ChatLink {
  const client = new Centrifuge(url, { maxReconnectDelay: maxReconnectDelayMs });
  client.on("connecting", () => status.receiveConnecting());
  client.on("connected", () => status.receiveConnected(rooms()));
  client.on("disconnected", ({ code, reason }) => status.receiveDisconnected(code, reason));
  onRetryDelay(client, (delayMs) => status.receiveRetryDelay(delayMs));
  return {
    connect(as) {
      client.setData(connectData(as));
      client.connect();
    },
    reconnect(as) {
      client.setData(connectData(as));
      client.disconnect();
      client.connect();
    },
    channel: (room) => createChannel(client, channelOf(room)),
  };
}

function connectData({ user, name }: Author) {
  return { user, info: { name } };
}

/**
 * The SDK keeps to itself how long it waits before an attempt; here its own answer is overheard. Should a version name
 * this differently, the page does without a countdown.
 */
function onRetryDelay(client: Centrifuge, listener: (delayMs: number) => void): void {
  const internals = client as unknown as { _getReconnectDelay?: () => number };
  const original = internals._getReconnectDelay;
  if (typeof original !== "function") return;
  internals._getReconnectDelay = () => {
    const delayMs = original.call(client);
    listener(delayMs);
    return delayMs;
  };
}

function createChannel(client: Centrifuge, name: string): LinkedChannel {
  let subscription: Subscription | undefined;
  const use = <Result>(call: (joined: Subscription) => Promise<Result>): Promise<Result> =>
    subscription ? call(subscription) : Promise.reject(new Error("not joined"));
  return {
    join(receiver) {
      subscription ??= receiveFrom(
        client.newSubscription(name, { recoverable: true, positioned: true, joinLeave: true }),
        receiver,
      );
      subscription.subscribe();
    },
    leave() {
      subscription?.unsubscribe();
      client.removeSubscription(subscription ?? null);
      subscription = undefined;
    },
    publish: (data) => use((joined) => joined.publish(data)),
    history: (request) => use((joined) => joined.history(request)),
    presence: () => use((joined) => joined.presence()),
  };
}

function receiveFrom(subscription: Subscription, receiver: RoomReceiver): Subscription {
  subscription.on("subscribing", () => receiver.receiveSubscribing());
  subscription.on("subscribed", (event) => void receiver.receiveSubscribed(event));
  subscription.on("unsubscribed", ({ code, reason }) => receiver.receiveUnsubscribed(code, reason));
  subscription.on("publication", (publication) => receiver.receivePublication(publication));
  subscription.on("join", ({ info }) => receiver.receiveJoin(info));
  subscription.on("leave", ({ info }) => receiver.receiveLeave(info));
  return subscription;
}
