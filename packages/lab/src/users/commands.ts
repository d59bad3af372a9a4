/** What an SDK says, and what it looks for in what comes, for one subscription that recovers. */
import { labChannel } from "./virtual-user.js";

/** Connect and subscribe, one after the other in one message. */
export function openingCommands(epoch: string | undefined, offset: number): string {
  const place = epoch === undefined ? {} : { recover: true, epoch, offset };
  const subscribe = { channel: labChannel, recoverable: true, positioned: true, ...place };
  return `{"id":1,"connect":{}}\n${JSON.stringify({ id: 2, subscribe })}`;
}

export const pong = "{}";

export function isPing(line: string): boolean {
  return line === "{}";
}

/** @throws Error where the server refuses, or ends the connection */
export function isSubscribed(line: string): boolean {
  if (line.includes('"error":{')) throw new Error(`the server refused a command: ${line.slice(0, 200)}`);
  if (line.includes('"push":{"disconnect"')) throw new Error(`the server disconnects: ${line.slice(0, 200)}`);
  return line.startsWith('{"id":2,"subscribe"');
}
