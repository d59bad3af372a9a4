/** The commands that a plain stream begins with, in its client's place: who it is, and which channel it reads from where. */
import type { MapType, Position, SubscribeResult } from "../../wire/messages.js";

/** What a client asks for. */
export interface PlainRequest {
  readonly channel: string;
  /** Where it has read to; undefined to begin at the head. */
  readonly since: Position | undefined;
  readonly token: string | undefined;
  /** A token for the channel. */
  readonly channelToken: string | undefined;
  /**
   * Undefined where the channel is no map. Asked once the client is known, for it looks for the pattern of a name that the
   * client has chosen.
   */
  readonly mapTypeOf: (channel: string) => MapType | undefined;
}

const mapTypes: Readonly<Record<MapType, number>> = { keys: 1, clients: 2, users: 3 };
const phases = { stream: 1, state: 2 } as const;

/** The position is for a channel that the server subscribes the client to by itself. */
export function connectParams({ channel, since, token }: PlainRequest): object {
  return { token, ...(since && { subs: { [channel]: { recover: true, ...since } } }) };
}

export function subscribeParams(request: PlainRequest): object {
  const { channel, since, channelToken: token, mapTypeOf } = request;
  const mapType = mapTypeOf(channel);
  const common = { channel, token, recoverable: true, ...(since && { recover: true, ...since }) };
  if (mapType === undefined) return common;
  return { ...common, type: mapTypes[mapType], phase: since ? phases.stream : phases.state };
}

/** What follows a step on the way to a live map. @returns undefined where it is live */
export function nextParams(
  request: PlainRequest,
  { map, position }: Pick<SubscribeResult, "map" | "position">,
): object | undefined {
  if (map === undefined || map.phase === "live") return undefined;
  const { cursor } = map;
  const phase = cursor === undefined ? phases.stream : phases.state;
  return { ...subscribeParams(request), ...position, phase, cursor };
}
