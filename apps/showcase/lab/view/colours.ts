/** A colour for each transport, told apart by those who see fewer colours, too; the name stands beside it always. */
import type { LabTransport } from "@holdfast/lab/report";

const names: Readonly<Record<LabTransport, string>> = {
  poll: "--lab-poll",
  "long-poll": "--lab-long-poll",
  sse: "--lab-sse",
  "http-stream": "--lab-http-stream",
  websocket: "--lab-websocket",
  "websocket-h2": "--lab-websocket-h2",
};

export function colourOf(transport: LabTransport, style: CSSStyleDeclaration): string {
  return style.getPropertyValue(names[transport]).trim() || "currentcolor";
}
