/** A map as a client of the published SDK knows it: what sync gives, and what updates make of it. */
import type { Centrifuge, MapSubscription, MapSubscriptionOptions, SubscribedContext } from "centrifuge";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import type { Answer } from "./app-server.js";

export interface MapModel {
  readonly subscription: MapSubscription;
  readonly values: Map<string, Answer>;
  /** Keys in the order of the last sync. */
  order: string[];
  syncs: number;
  readonly updates: string[];
  readonly subscribed: SubscribedContext[];
}

export function modelOf(subscription: MapSubscription): MapModel {
  const model: MapModel = {
    subscription,
    values: new Map(),
    order: [],
    syncs: 0,
    updates: [],
    subscribed: [],
  };
  subscription.on("subscribed", (context) => model.subscribed.push(context));
  subscription.on("sync", ({ entries }) => {
    model.syncs++;
    model.values.clear();
    model.order = entries.map(({ key }) => key);
    for (const { key, data } of entries) model.values.set(key, data);
  });
  subscription.on("update", ({ key, data, removed }) => {
    model.updates.push(removed ? `-${key}` : `${key}=${JSON.stringify(data)}`);
    if (removed) model.values.delete(key);
    else model.values.set(key, data);
  });
  return model;
}

export async function subscribeMap(
  client: Centrifuge,
  channel: string,
  options: MapSubscriptionOptions = {},
): Promise<MapModel> {
  const model = modelOf(client.newMapSubscription(channel, options));
  model.subscription.subscribe();
  await model.subscription.ready(5000);
  return model;
}

/** Speaks the protocol by hand: sends commands, and gives the reply to each. */
export async function connectByHand(url: string, connect: object = {}) {
  const socket = new WebSocket(url);
  onTestFinished(() => socket.terminate());
  const replies = new Map<number, (reply: Answer) => void>();
  const pushes: Answer[] = [];
  socket.on("message", (frame) => {
    for (const line of frame.toString().split("\n")) {
      const message = JSON.parse(line) as Answer;
      if (message.id) replies.get(message.id)?.(message);
      else if (message.push) pushes.push(message.push);
    }
  });
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  let id = 0;
  const ask = (command: object): Promise<Answer> =>
    new Promise((resolve) => {
      replies.set(++id, resolve);
      socket.send(JSON.stringify({ id, ...command }));
    });
  const hello = await ask({ connect });
  return { ask, pushes, socket, hello };
}
