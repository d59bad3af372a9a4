// A client of a published SDK in a process of its own, which is too busy to read each frame by itself, and whose line breaks.
import WsWebSocket from "ws";

const [url, sdk, build, rounds] = process.argv.slice(2);
const { Centrifuge } = await import(build === "protobuf" ? `${sdk}/build/protobuf` : sdk);
const sockets = [];
class CutWebSocket extends WsWebSocket {
  constructor(...args) {
    super(...args);
    sockets.push(this);
  }
}
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const client = new Centrifuge(url, { websocket: CutWebSocket, minReconnectDelay: 5, maxReconnectDelay: 20 });
const subscription = client.newSubscription("busy", build === "delta" ? { delta: "fossil" } : {});
let last = 0;
let step = "the beginning";
let isResubscribing = false;
let publications = 0;
const faults = [];
subscription.on("publication", (publication) => {
  publications++;
  const offset = Number(publication.offset);
  if (last > 0 && offset !== last + 1)
    faults.push(`${offset} after ${last} in ${step}, ${subscription.state}`);
  last = offset;
});
client.on("error", ({ error }) => faults.push(error.message));
// Old versions decide where to resume before the last publications of the subscription that they have ended: those come again.
subscription.on("subscribed", () => {
  if (isResubscribing) last = 0;
  isResubscribing = false;
});
subscription.subscribe();
client.connect();
await subscription.ready();
for (let round = 0; round < Number(rounds); round++) {
  step = `round ${round}`;
  if (round % 3 === 0) {
    subscription.unsubscribe();
    await pause(15);
    isResubscribing = true;
    subscription.subscribe();
  } else sockets.at(-1).terminate();
  await pause(15);
  await subscription.ready();
  for (let i = 0; i < 3; i++) {
    const end = performance.now() + 5;
    while (performance.now() < end);
    await pause(3);
  }
}
process.send({ publications, faults });
