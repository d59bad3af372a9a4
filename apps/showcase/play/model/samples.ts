/** Code to begin with: one sample for each kind of channel, and for what else a connection carries. Each runs in both clients. */

export interface Sample {
  readonly id: string;
  readonly title: string;
  /** What to look at. */
  readonly lead: string;
  readonly code: string;
}

export const samples: readonly Sample[] = [
  {
    id: "stream",
    title: "Stream: nothing is missed",
    lead: "A log with offsets. Cut one client, publish from the other: after the reconnect, the missed messages arrive in order.",
    code: `const client = connect();
const news = client.channel("play-stream:" + room);

news.subscribe({
  onPublication: ({ offset, data }) => console.log(offset, data.text),
  onStatus: ({ state, recovered }) => console.log(state, recovered ? "and recovered" : ""),
});

let count = 0;
button("Publish", () => news.publish({ text: \`\${me} says \${++count}\` }));
`,
  },
  {
    id: "history",
    title: "Stream: history",
    lead: "A client that comes late reads what is kept first, and then follows. Run it twice.",
    code: `const client = connect();
const log = client.channel("play-stream:" + room + "-log");

await log.publish({ from: me, at: new Date().toISOString() });
const { publications, position } = await log.history({ limit: 10 });
console.log("kept:", publications.length, "head:", position.offset);

log.subscribe(({ offset, data }) => console.log(offset, data.from, data.at), { since: "beginning" });
`,
  },
  {
    id: "live",
    title: "Live: worthless a moment later",
    lead: "No history: whoever is away misses it. For pointers, typing marks and the like.",
    code: `const client = connect();
const pointer = client.channel("play-live:" + room);

pointer.subscribe(({ data }) => {
  if (data.from !== me) console.log(data.from, "points at", data.x, data.y);
});

let last = 0;
addEventListener("pointermove", ({ clientX, clientY }) => {
  if (Date.now() - last < 200) return;
  last = Date.now();
  pointer.publish({ from: me, x: clientX, y: clientY });
});
console.log("Move the pointer over this area.");
`,
  },
  {
    id: "latest",
    title: "Latest: the newest value counts",
    lead: "Readers that fall behind get the newest publication, and no backlog.",
    code: `const client = connect();
const price = client.channel("play-latest:" + room);

price.subscribe(({ offset, data }) => console.log(\`#\${offset} is now \${data.value}\`));

button("Publish ten values", async () => {
  for (let step = 0; step < 10; step++) await price.publish({ value: Math.round(100 * Math.random()) });
});
`,
  },
  {
    id: "map",
    title: "Map: shared keys and values",
    lead: "The channel keeps the newest value of each key. A late client gets the whole state, then each change.",
    code: `const client = connect();
const scores = client.map("play-map:" + room);

scores.subscribe(() => {
  const rows = [...scores.entries()].map(({ key, data }) => \`\${key}: \${data.points}\`);
  console.log(rows.join(", ") || "no scores yet");
});

let points = 0;
button("Score", () => scores.set(me, { points: ++points }));
button("Leave", () => scores.remove(me));
`,
  },
  {
    id: "presence",
    title: "Presence: who is there",
    lead: "Joins and leaves come as they happen. Cut a client and see when the other learns of it.",
    code: `const client = connect();
const lobby = client.channel("play-stream:" + room + "-lobby");

const show = async (what) => console.log(what, "now", (await lobby.presence()).length, "here");

lobby.subscribe({
  onPublication: () => {},
  onJoin: ({ client }) => show(\`\${client.slice(0, 6)} joined,\`),
  onLeave: ({ client }) => show(\`\${client.slice(0, 6)} left,\`),
});
button("Leave", () => client.close());
`,
  },
  {
    id: "rpc",
    title: "RPC: ask the server",
    lead: "A request and its reply over the same connection, beside everything else.",
    code: `const client = connect();

const startedAt = performance.now();
const reply = await client.rpc("playEcho", { hello: me });
console.log(reply);
console.log(Math.round(performance.now() - startedAt), "ms for the round trip and the handshake");

button("Ask again", async () => console.log(await client.rpc("playEcho", { hello: me })));
`,
  },
  {
    id: "refused",
    title: "Errors: what is refused, and why",
    lead: "Each error has a stable code, says what happened, and what is accepted.",
    code: `const client = connect();

await client.rpc("playNothing").catch((error) => console.log(error.code, error.message));

const chat = client.channel("chat:lobby");
await chat.publish({ text: "hello" }).catch((error) => console.log(error.code, error.message));

const big = client.channel("play-stream:" + room);
await big.publish("x".repeat(5000)).catch((error) => console.log(error.code, error.message));

missing(); // The line is marked in the editor.
`,
  },
];

export function findSample(id: string): Sample | undefined {
  return samples.find((sample) => sample.id === id);
}
