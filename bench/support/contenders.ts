/** The servers that are compared: what runs them and how their clients speak. */

import { isInstalled, type NativeServer } from "./native-process.js";
import { natsCore, natsProtocol, natsStore } from "./nats-server.js";
import { nchanProtocol, nchanServer } from "./nchan.js";
import { holdfastProtobufProtocol } from "./protobuf-protocol.js";
import {
  holdfastProtocol,
  type Protocol,
  socketIoProtocol,
  wsChannelsProtocol,
  wsProtocol,
} from "./protocols.js";
import { redisStore } from "./redis-server.js";

/** A store that several nodes share. */
export interface SharedStore extends NativeServer {
  url(port: number): string;
}

export interface Contender {
  readonly name: string;
  /** File in bench/servers, without its ending. */
  readonly server: string;
  /** Arguments of the server's own. @default none */
  readonly args?: readonly string[];
  /** Whether it is given a folder of its own, as `--data`. @default false */
  readonly keepsData?: boolean;
  /** What it shares with a second node, as `--store URL`. Publishers are that node's clients, so that everything comes over the store. */
  readonly store?: SharedStore;
  /** What runs instead of `server`, where that is not a program of Node.js. */
  readonly native?: NativeServer;
  readonly protocol: Protocol;
}

export const holdfast: Contender = { name: "holdfast", server: "holdfast", protocol: holdfastProtocol };
/** The same server, whose clients speak Protobuf. */
export const holdfastProtobuf: Contender = {
  name: "holdfast-protobuf",
  server: "holdfast",
  protocol: holdfastProtobufProtocol,
};
/** With a folder, where everything is written before it is acknowledged or delivered. */
export const holdfastDurable: Contender = durable("holdfast-durable", "process");
/** And flushed to the disk before that. */
export const holdfastDisk: Contender = durable("holdfast-disk", "disk");
export const ws: Contender = { name: "ws", server: "ws", protocol: wsProtocol };
/** `ws` with channels, which it lacks itself. */
export const wsChannels: Contender = { name: "ws", server: "ws-channels", protocol: wsChannelsProtocol };
export const socketIo: Contender = { name: "socket.io", server: "socket-io", protocol: socketIoProtocol };

/** Those whose memory can be compared, and whatever else only they can tell. */
export const contenders: readonly Contender[] = [holdfast, ws, socketIo];

export const contenderNames: readonly string[] = contenders.map(({ name }) => name);

/** Those that can be compared at a fan-out. */
export const fanOutContenders: readonly Contender[] = [
  holdfast,
  holdfastProtobuf,
  holdfastDurable,
  ws,
  socketIo,
  { ...holdfast, name: "holdfast-redis", store: redisStore },
  { ...holdfast, name: "holdfast-nats", store: natsStore },
  { ...socketIo, name: "socket.io-redis", store: redisStore },
  { name: "nats-server", server: "", native: natsCore, protocol: natsProtocol },
  { name: "nchan", server: "", native: nchanServer, protocol: nchanProtocol },
];

/** The contender others are compared with. */
export const yardstick = "ws";

/** @param names of contenders, each one of `contenderNames` */
export function contendersNamed(names: readonly string[]): readonly Contender[] {
  return contenders.filter(({ name }) => names.includes(name));
}

/** Leaves out, and names, those that are not on this machine. */
export function installedOf<T extends Contender>(
  wanted: readonly T[],
): { readonly installed: readonly T[]; readonly missing: readonly string[] } {
  const installed = wanted.filter((contender) => {
    const { native = contender.store } = contender;
    return native === undefined || isInstalled(native);
  });
  const missing = wanted.filter((contender) => !installed.includes(contender)).map(({ name }) => name);
  return { installed, missing };
}

function durable(name: string, durability: string): Contender {
  return {
    name,
    server: "holdfast",
    args: ["--durability", durability],
    keepsData: true,
    protocol: holdfastProtocol,
  };
}
