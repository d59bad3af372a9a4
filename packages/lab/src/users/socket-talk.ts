/** What a user says over a WebSocket, whatever carries its frames. */
import { pongFrame, textFrame } from "../client-frames.js";
import { FrameReader } from "../readers/frame-reader.js";
import { isPing, isSubscribed, pong } from "./commands.js";

export interface SocketTalkOptions {
  readonly write: (frame: Buffer) => void;
  /** A whole line that is no ping. @param isReply whether it is the answer to the subscription */
  readonly onLine: (line: string, isReply: boolean) => void;
  readonly onFrame: () => void;
}

/** @returns what takes the bytes that come, and throws what is wrong with them */
export function talk({ write, onLine, onFrame }: SocketTalkOptions): (bytes: Buffer) => void {
  const frames = new FrameReader({
    onMessage: (text) => {
      onFrame();
      for (const line of text.split("\n")) {
        if (isPing(line)) write(textFrame(pong));
        else if (line !== "") onLine(line, isSubscribed(line));
      }
    },
    onPing: (payload) => write(pongFrame(payload)),
    onClose: (code, reason) => {
      throw new Error(`the server closed with ${code} ${reason}`.trimEnd());
    },
  });
  return (bytes) => frames.read(bytes);
}
