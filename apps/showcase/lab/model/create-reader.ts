/** A reader for each transport that a browser has. */
import type { LabTransport } from "@holdfast/lab/report";
import { AskingReader } from "./asking-reader.js";
import { EventReader } from "./event-reader.js";
import { HttpStreamReader, WebSocketReader } from "./protocol-reader.js";
import type { Reader, ReaderContext } from "./reader.js";

/** @throws Error for one that browsers have not */
export function createReader(transport: LabTransport, context: ReaderContext): Reader {
  switch (transport) {
    case "poll":
      return new AskingReader(context, false);
    case "long-poll":
      return new AskingReader(context, true);
    case "sse":
      return new EventReader(context);
    case "http-stream":
      return new HttpStreamReader(context);
    case "websocket":
      return new WebSocketReader(context);
    default:
      throw new Error(`a browser has no ${transport} here`);
  }
}
