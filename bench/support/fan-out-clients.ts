/** Connects those who take part in a fan-out, whatever their contender. */
import type { Protocol, Publisher } from "./protocol.js";
import { RawClient } from "./raw-client.js";
import { sourceOf } from "./source-address.js";

/** Resolves when it has signed on. */
export async function openPublisher(port: number, protocol: Protocol): Promise<Publisher> {
  if (protocol.openPublisher) return protocol.openPublisher(port);
  const publisher = await RawClient.open({ port, protocol });
  await protocol.signOn(publisher);
  return publisher;
}

/** @param index of the subscriber, which decides about its address; resolves when it is subscribed */
export async function openSubscriber(
  port: number,
  protocol: Protocol,
  channel: string,
  index: number,
): Promise<RawClient> {
  const path = protocol.pathOf?.(channel);
  const subscriber = await RawClient.open({
    port,
    protocol,
    ...(path !== undefined && { path }),
    ...sourceOf(index),
  });
  await protocol.subscribe(subscriber, channel);
  return subscriber;
}

/** A server gave up on a subscriber, and told it so. */
export class SubscriptionEnded extends Error {}

/**
 * To be called with what a subscriber gets that holds no publication.
 * @throws SubscriptionEnded unless it is a ping
 */
export function assertPing(protocol: Protocol, message: string): void {
  if (!protocol.isPing(message))
    throw new SubscriptionEnded(`in place of a publication a subscriber got ${message.slice(0, 300)}`);
}
