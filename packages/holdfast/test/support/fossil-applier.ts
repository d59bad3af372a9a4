/** Applies patches in Fossil's delta format with the SDK's own code, which also checks their size and checksum. */
import { Centrifuge } from "centrifuge/build/protobuf";

class Applier extends Centrifuge {
  apply(base: Uint8Array, patch: Uint8Array): Uint8Array {
    return this._codec.applyDeltaIfNeeded({ delta: true, data: patch }, base).newPrevValue;
  }
}

const applier = new Applier("ws://127.0.0.1");

/** @throws where the patch is malformed, or does not fit the base */
export function applyFossilDelta(base: Uint8Array, patch: Uint8Array): Uint8Array {
  return applier.apply(base, patch);
}
