/** Publications and ring entries with little text to write. */
import type { Entry } from "../../../src/channels/ring.js";
import type { ClientInfo, Publication } from "../../../src/wire/messages.js";

export function publication(offset: number, data = String(offset)): Publication {
  return { offset, data, time: 1_700_000_000_000 };
}

export function pubEntry(offset: number, bytes = 1): Entry {
  return { kind: "pub", publication: publication(offset), offset, bytes, encoded: new Map() };
}

export function joinEntry(offset: number, bytes = 1): Entry {
  return { kind: "join", info: clientInfo("ann"), offset, bytes, encoded: new Map() };
}

export function clientInfo(client: string): ClientInfo {
  return { user: client, client };
}

export function countTo(last: number, first = 1): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
