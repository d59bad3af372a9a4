/** The servers that are compared: what runs them and how their clients speak. */
import { holdfastProtocol } from "./holdfast-protocol.js";
import type { NativeServer } from "./native-process.js";
import type { Protocol } from "./protocol.js";
import { socketIoProtocol } from "./socket-io-protocol.js";
import { wsProtocol } from "./ws-protocol.js";

export interface Contender {
  readonly name: string;
  /** File in bench/servers, without its ending. */
  readonly server: string;
  /** Arguments of the server's own. @default none */
  readonly args?: readonly string[];
  /** Whether it is given a folder of its own, as `--data`. @default false */
  readonly keepsData?: boolean;
  /** What runs instead of `server`, where that is not a program of Node.js. */
  readonly native?: NativeServer;
  readonly protocol: Protocol;
}

export const contenders: readonly Contender[] = [
  { name: "holdfast", server: "holdfast", protocol: holdfastProtocol },
  { name: "ws", server: "ws", protocol: wsProtocol },
  { name: "socket.io", server: "socket-io", protocol: socketIoProtocol },
];

export const contenderNames: readonly string[] = contenders.map(({ name }) => name);

/** The contender others are compared with. */
export const yardstick = "ws";

/** @param names of contenders, each one of `contenderNames` */
export function contendersNamed(names: readonly string[]): readonly Contender[] {
  return contenders.filter(({ name }) => names.includes(name));
}
