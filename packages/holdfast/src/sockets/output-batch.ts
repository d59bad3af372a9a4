/**
 * What a connection has to write, as a path through frames: each step adds one. Connections that were given the same
 * frames in the same order, as by broadcasts, stand on the same batch, so that joining the frames is done once for all.
 */
export class OutputBatch {
  /** Bytes of all frames. */
  readonly bytes: number;
  readonly #previous: OutputBatch | undefined;
  readonly #frame: Uint8Array;
  #joined: Uint8Array | undefined;
  /** The last step that was taken from here, and where it led. */
  #nextFrame: Uint8Array | undefined;
  #next: OutputBatch | undefined;

  private constructor(previous: OutputBatch | undefined, frame: Uint8Array) {
    // The empty batch is left out of every path.
    this.#previous = previous && previous.bytes > 0 ? previous : undefined;
    this.#frame = frame;
    this.bytes = (previous?.bytes ?? 0) + frame.length;
  }

  static createEmpty(): OutputBatch {
    return new OutputBatch(undefined, new Uint8Array(0));
  }

  /** The batch with one more frame, which must not be empty. */
  with(frame: Uint8Array): OutputBatch {
    if (this.#nextFrame === frame) return this.#next as OutputBatch;
    const next = new OutputBatch(this, frame);
    this.#nextFrame = frame;
    this.#next = next;
    return next;
  }

  /** Lets go of the step remembered, so that it can be collected. */
  forget(): void {
    this.#nextFrame = undefined;
    this.#next = undefined;
  }

  /** All frames in one piece, the same object each time. */
  joined(): Uint8Array {
    if (this.#previous === undefined) return this.#frame;
    this.#joined ??= Buffer.concat(this.frames(), this.bytes);
    return this.#joined;
  }

  /** The frames in the order they were added. */
  frames(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let batch: OutputBatch | undefined = this; batch; batch = batch.#previous) frames.push(batch.#frame);
    return frames.reverse();
  }
}
