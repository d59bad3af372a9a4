/** The servers whose acknowledgements are compared, and what each of these promises. */
import {
  type AcknowledgedProtocol,
  holdfastAcknowledged,
  socketIoAcknowledged,
  wsAcknowledged,
} from "./acknowledged-protocol.js";
import type { Contender } from "./contenders.js";
import { jetStreamAcknowledged, natsJetStream } from "./nats-server.js";

export interface PublishContender extends Contender {
  readonly speech: AcknowledgedProtocol;
  /** What the names of its channels begin with. */
  readonly prefix: string;
  /** What has happened to a publication when it is acknowledged. */
  readonly promise: string;
}

type Given = Pick<PublishContender, "name" | "server" | "speech" | "promise"> & Partial<PublishContender>;

export const publishContenders: readonly PublishContender[] = [
  create({ ...holdfast("", "it is in a log in memory; there is no folder"), keepsData: false }),
  create(holdfast("memory", "it is in a log in memory, and written later")),
  create(holdfast("process", "it is written to the system's memory of files: survives kill -9")),
  create(holdfast("disk", "it is flushed to the disk")),
  create({ name: "ws", server: "ws", speech: wsAcknowledged, promise: "it has arrived; nothing is kept" }),
  create({
    name: "socket.io",
    server: "socket-io",
    speech: socketIoAcknowledged,
    promise: "it has arrived; nothing is kept",
  }),
  create({
    name: "nats-jetstream",
    server: "",
    native: natsJetStream,
    speech: jetStreamAcknowledged,
    promise: "the log in a file has taken it; the disk gets it later",
  }),
];

export const publishContenderNames: readonly string[] = publishContenders.map(({ name }) => name);

function holdfast(durability: string, promise: string): Given {
  return {
    name: durability === "" ? "holdfast" : `holdfast-${durability}`,
    server: "holdfast",
    keepsData: true,
    prefix: durability === "" ? "" : `${durability}:`,
    speech: holdfastAcknowledged,
    promise,
  };
}

function create(given: Given): PublishContender {
  return { prefix: "", protocol: given.speech.protocol, ...given };
}
