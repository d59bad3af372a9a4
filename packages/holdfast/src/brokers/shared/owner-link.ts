/** The connection of a follower to the owner of the store, from the hello on. */
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { connectToOwner, type OwnerRecord } from "../lmdb/store-folder.js";
import { decodeFailure } from "./calls.js";
import { FrameSocket } from "./frame-socket.js";
import { encodeFrame, type Frame, kinds } from "./frames.js";
import { type Hello, protocolVersion } from "./store-server.js";

export interface OwnerLinkOptions {
  readonly folder: string;
  readonly owner: OwnerRecord & { readonly key: string };
  /** This process. */
  readonly follower: string;
  /** Takes no part in the store. @default false */
  readonly isGuest?: boolean;
  readonly clock: Pick<Clock, "setTimer">;
  readonly schedule: (run: () => void) => void;
  /** After the welcome. */
  readonly onFrame: (frame: Frame) => void;
  /** Called once, if there was a welcome. */
  readonly onClose: () => void;
}

/** An owner that opens the store says so every second. */
const silenceTimeoutMs = 5000;
/** What a stopped owner does not read. */
const maxUnsentBytes = 128 * 1024 * 1024;

/**
 * @returns undefined if the owner has just ended
 * @throws HF_STORE_IN_USE if it does not answer, or refuses this process
 */
export async function connectLink(options: OwnerLinkOptions): Promise<FrameSocket | undefined> {
  const { folder, owner, follower, isGuest = false, clock, schedule } = options;
  const socket = await connectToOwner(folder, owner).catch(() => undefined);
  if (socket === undefined) return undefined;
  return await new Promise((resolve, reject) => {
    let isWelcome = false;
    let cancel = () => {};
    const refuse = (error: HoldfastError) => {
      reject(error);
      link.destroy();
    };
    const expectMore = () => {
      cancel();
      cancel = clock.setTimer(() => refuse(silent(folder, owner.pid)), silenceTimeoutMs);
    };
    const link = new FrameSocket({
      socket,
      schedule,
      maxUnsentBytes,
      onFrame(frame) {
        if (isWelcome) options.onFrame(frame);
        else if (frame.kind === kinds.opening) expectMore();
        else if (frame.kind === kinds.refusal) refuse(decodeFailure(frame));
        else if (frame.kind === kinds.welcome) {
          isWelcome = true;
          cancel();
          resolve(link);
        }
      },
      onClose() {
        cancel();
        if (isWelcome) options.onClose();
        else resolve(undefined);
      },
    });
    const hello = { version: protocolVersion, key: owner.key, follower, ...(isGuest && { isGuest }) };
    link.send(encodeFrame(kinds.hello, 0, hello satisfies Hello));
    expectMore();
  });
}

function silent(folder: string, pid: number): HoldfastError {
  return new HoldfastError(
    "HF_STORE_IN_USE",
    `the store in ${folder} is in use by the server with process id ${pid}, which does not answer. Continue or end that server, or use another folder (--data)`,
    { details: { folder, pid } },
  );
}
