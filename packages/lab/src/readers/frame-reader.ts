/** Reads the frames of a server (RFC 6455 §5.2), however they are cut: whole messages, without compression. Bounded. */

export interface FrameEvents {
  onMessage(text: string): void;
  onPing(payload: Buffer): void;
  onClose(code: number, reason: string): void;
}

const mostMessageBytes = 8 * 1024 * 1024;

export class FrameReader {
  readonly #events: FrameEvents;
  /** What has come of a frame. */
  #held: Buffer = Buffer.alloc(0);
  readonly #fragments: Buffer[] = [];
  #fragmentBytes = 0;

  constructor(events: FrameEvents) {
    this.#events = events;
  }

  /** @throws Error saying what no server may send, or what is longer than is accepted */
  read(bytes: Buffer): void {
    let rest = this.#held.length > 0 ? Buffer.concat([this.#held, bytes]) : bytes;
    for (let used = this.#take(rest); used > 0; used = this.#take(rest)) rest = rest.subarray(used);
    // What was given may be used again for others.
    this.#held = rest.length > 0 ? Buffer.from(rest) : Buffer.alloc(0);
  }

  /** @returns the length of the frame; 0 where it has not come as a whole */
  #take(bytes: Buffer): number {
    if (bytes.length < 2) return 0;
    const first = bytes[0] as number;
    const short = bytes[1] as number;
    if (first & 0x70) throw new Error("a frame has reserved bits set");
    if (short & 0x80) throw new Error("a frame of the server is masked");
    const start = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (bytes.length < start) return 0;
    const length =
      start === 2 ? short : start === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
    if (length + this.#fragmentBytes > mostMessageBytes)
      throw new Error(`a message is longer than ${mostMessageBytes} bytes`);
    const end = start + length;
    if (bytes.length < end) return 0;
    this.#finish(first & 0x0f, (first & 0x80) !== 0, bytes.subarray(start, end));
    return end;
  }

  #finish(opcode: number, isFinal: boolean, payload: Buffer): void {
    if (opcode === 0x9) this.#events.onPing(payload);
    else if (opcode === 0x8)
      this.#events.onClose(payload.length >= 2 ? payload.readUInt16BE(0) : 1005, payload.toString("utf8", 2));
    else if (opcode > 0x8) return;
    else if (isFinal && this.#fragments.length === 0) this.#events.onMessage(payload.toString("utf8"));
    else {
      this.#fragments.push(Buffer.from(payload));
      this.#fragmentBytes += payload.length;
      if (isFinal) {
        const whole = Buffer.concat(this.#fragments.splice(0));
        this.#fragmentBytes = 0;
        this.#events.onMessage(whole.toString("utf8"));
      }
    }
  }
}
