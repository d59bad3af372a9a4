/** Bytes one way through the fault proxy: passed on as fast as the other side takes them, or as slowly as a fault says. */
import type { Socket } from "node:net";

const sliceMs = 20;
/** Bytes held while the way is stalled, slow or full; the source is not read beyond, and so feels it. */
const maxHeldBytes = 64 * 1024;

export class Flow {
  readonly #source: Socket;
  readonly #target: Socket;
  readonly #onCut: () => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** 0 is a stall; undefined is no bound. */
  #bytesPerSecond: number | undefined;
  #healTime = 0;
  #timer: NodeJS.Timeout | undefined;
  #keptPart: number | undefined;
  #cutsWhenEmpty = false;
  #isSwallowing = false;
  #hasEnded = false;

  /** @param onCut called when the place to cut has come, see `cutInNext` */
  constructor(source: Socket, target: Socket, onCut: () => void) {
    this.#source = source;
    this.#target = target;
    this.#onCut = onCut;
    source.on("data", (chunk: Buffer) => this.#receive(chunk));
    source.on("end", () => {
      this.#hasEnded = true;
      this.#move();
    });
    target.on("drain", () => this.#move());
  }

  get isSwallowing(): boolean {
    return this.#isSwallowing;
  }

  /** @param bytesPerSecond 0 for nothing at all */
  slow(bytesPerSecond: number, ms: number): void {
    if (this.#isSwallowing) return;
    this.#bytesPerSecond = bytesPerSecond;
    this.#healTime = Date.now() + ms;
    this.#timer ??= setInterval(() => this.#step(), sliceMs);
  }

  /** From now on everything vanishes, and so does the end. */
  swallow(): void {
    this.heal();
    this.#isSwallowing = true;
    this.#held = [];
    this.#heldBytes = 0;
    this.#source.resume();
  }

  /** Of the next bytes only this part is passed on, and then comes the cut. */
  cutInNext(keptPart: number): void {
    this.#keptPart = keptPart;
  }

  heal(): void {
    this.stop();
    this.#bytesPerSecond = undefined;
    this.#keptPart = undefined;
    this.#move();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #receive(chunk: Buffer): void {
    if (this.#isSwallowing || this.#cutsWhenEmpty) return;
    let kept = chunk;
    if (this.#keptPart !== undefined) {
      kept = chunk.subarray(0, Math.floor(chunk.length * this.#keptPart));
      this.#cutsWhenEmpty = true;
    }
    this.#held.push(kept);
    this.#heldBytes += kept.length;
    this.#move();
  }

  #step(): void {
    if (Date.now() >= this.#healTime) this.heal();
    else this.#pour(((this.#bytesPerSecond ?? 0) * sliceMs) / 1000);
  }

  #move(): void {
    if (this.#bytesPerSecond === undefined) this.#pour(Number.POSITIVE_INFINITY);
    else this.#holdBack();
  }

  #pour(most: number): void {
    let left = Math.ceil(most);
    while (left > 0 && this.#held.length > 0 && this.#target.writable && !this.#target.writableNeedDrain) {
      const chunk = this.#held.shift() as Buffer;
      if (chunk.length > left) this.#held.unshift(chunk.subarray(left));
      const part = chunk.subarray(0, left);
      left -= part.length;
      this.#heldBytes -= part.length;
      this.#target.write(part);
    }
    this.#holdBack();
    if (this.#held.length > 0 || this.#isSwallowing) return;
    if (this.#cutsWhenEmpty) this.#onCut();
    else if (this.#hasEnded && !this.#target.writableEnded) this.#target.end();
  }

  #holdBack(): void {
    if (this.#heldBytes >= maxHeldBytes) this.#source.pause();
    else if (!this.#source.destroyed) this.#source.resume();
  }
}
