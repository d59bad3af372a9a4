/** A client in a process of its own, which publishes to itself twenty times a second and measures when that comes back. */
import { WebSocket } from "../../packages/holdfast/src/websocket.js";

const [url = "", token = ""] = process.argv.slice(2);
const channel = "room:witness";
const sentAt = new Map<number, number>();
let delays: number[] = [];
let failures = 0;
let id = 10;

const socket = new WebSocket(url);
const send = (command: object) => socket.send(JSON.stringify(command));

socket.onmessage = ({ data }) => {
  for (const line of String(data).split("\n")) {
    if (line === "{}") {
      send({});
      continue;
    }
    const message = JSON.parse(line);
    if (message.error) failures++;
    const at = sentAt.get(message.push?.pub?.data);
    if (at !== undefined) delays.push(performance.now() - at);
    sentAt.delete(message.push?.pub?.data);
    if (message.id === 2) process.send?.({ isReady: true });
  }
};
socket.onclose = ({ code }) => {
  failures++;
  process.send?.({ closed: code });
};
socket.onopen = () => {
  send({ id: 1, connect: { token } });
  send({ id: 2, subscribe: { channel } });
  setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN) return;
    sentAt.set(++id, performance.now());
    send({ id, publish: { channel, data: id } });
  }, 50);
};

/** Asked, it tells what has come back since it was asked last. */
process.on("message", () => {
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
  process.send?.({ count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1), failures });
  delays = [];
  failures = 0;
  sentAt.clear();
});
process.on("disconnect", () => process.exit());
