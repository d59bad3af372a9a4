/**
 * What does it cost to share a store, and what does a second process add? One server with the store for itself, one that would share
 * it, and several workers on one port take turns, all started by `holdfast serve`. Processor time is that of all their processes.
 */
import { formatCount } from "@holdfast/lab/report";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { CommandServer } from "./support/command-server.js";
import { holdfastDurable } from "./support/contenders.js";
import { FanOut } from "./support/fan-out.js";
import { describe, describeMachine, Progress, ratio, rotated, summarize, table } from "./support/report.js";
import { createDataFolder, removeDataFolder } from "./support/running-server.js";

const description = {
  name: "workers",
  about: "Deliveries per second and processor time of a store that is shared, by one process and by several.",
  options: {
    workers: { value: "N", default: "2", about: "processes of the contender that has several" },
    subscribers: { value: "N", default: "1000", about: "subscribers of one channel" },
    channels: { value: "N", default: "200", about: "channels with one subscriber each, for publishes" },
    publishers: { value: "N", default: "20", about: "connections that publish into them" },
    seconds: { value: "S", default: "4", about: "length of each measurement" },
    rounds: { value: "N", default: "3", about: "measurements of each contender" },
    json: jsonOption("workers"),
  },
};

interface Shape {
  readonly title: string;
  readonly subscribers: number;
  readonly channels: number;
  readonly publishers: number;
  readonly window: number;
}

interface Sample {
  readonly contender: string;
  readonly shape: string;
  readonly perSecond: number;
  readonly cpuMicros: number;
}

const noLimits = [
  "commands-per-second",
  "publishes-per-second",
  "user-publishes-per-second",
  "max-user-connections",
  "max-address-connections",
  "address-connections-per-second",
  "bytes-per-second",
].flatMap((name) => [`--${name}`, "none"]);
const warmUpSeconds = 1;

await runBench(async () => {
  const options = readOptions(description);
  const [workers, rounds] = [
    options.integer("workers", { min: 2, max: 64 }),
    options.integer("rounds", { min: 1, max: 100 }),
  ];
  const seconds = options.number("seconds", { min: 0.1, max: 600 });
  const subscribers = options.integer("subscribers", { min: 1, max: 10_000 });
  const channels = options.integer("channels", { min: 1, max: 10_000 });
  const publishers = options.integer("publishers", { min: 1, max: 1000 });
  const contenders: Readonly<Record<string, (folder: string) => readonly string[]>> = {
    "for itself": (folder) => ["--broker", `lmdb://${folder}`],
    shared: (folder) => ["--data", folder],
    [`${workers} workers`]: (folder) => ["--data", folder, "--workers", String(workers)],
  };
  const shapes: readonly Shape[] = [
    { title: `1 channel × ${subscribers}, window 1`, subscribers, channels: 1, publishers: 1, window: 1 },
    { title: `1 channel × ${subscribers}, window 8`, subscribers, channels: 1, publishers: 1, window: 8 },
    { title: `${channels} channels × 1`, subscribers: channels, channels, publishers, window: 1 },
  ];
  const machine = describeMachine();
  const progress = new Progress();
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const contender of rotated(Object.keys(contenders), round - 1)) {
      const folder = createDataFolder();
      const server = await CommandServer.start([...noLimits, ...(contenders[contender]?.(folder) ?? [])]);
      try {
        for (const shape of shapes) {
          progress.say(`workers: round ${round} of ${rounds}, ${contender}, ${shape.title}`);
          samples.push({ contender, shape: shape.title, ...(await measure(server, shape, seconds)) });
        }
      } finally {
        await server.stop();
        removeDataFolder(folder);
      }
    }
  progress.clear();
  console.log(`\n${describe(machine)}; ${rounds} × ${seconds} s each; data in the system's temporary folder`);
  for (const { title } of shapes)
    console.log(`\n${title}\n${report(samples, title, Object.keys(contenders))}`);
  console.log("\nThe load takes its share of the same cores: compare processor time where there are few.");
  writeResults(options, "workers", { machine, settings: { workers, seconds, rounds }, samples });
});

async function measure(
  server: CommandServer,
  { subscribers, channels, publishers, window }: Shape,
  seconds: number,
): Promise<Pick<Sample, "perSecond" | "cpuMicros">> {
  const fanOut = await FanOut.open({
    contender: holdfastDurable,
    port: server.port,
    subscribers,
    channels,
    publishers,
    bytes: 100,
  });
  await fanOut.publishFor(warmUpSeconds, window);
  const before = server.cpuMicros();
  const published = await fanOut.publishFor(seconds, window);
  const cpuMicros = (server.cpuMicros() - before) / published.deliveries;
  await fanOut.verify();
  fanOut.close();
  return { perSecond: published.deliveries / published.seconds, cpuMicros };
}

function report(samples: readonly Sample[], shape: string, contenders: readonly string[]): string {
  const medians = contenders.map((contender) => {
    const those = samples.filter((sample) => sample.shape === shape && sample.contender === contender);
    return {
      contender,
      perSecond: summarize(those.map(({ perSecond }) => perSecond)).median,
      cpuMicros: summarize(those.map(({ cpuMicros }) => cpuMicros)).median,
    };
  });
  const [base] = medians;
  return table(
    ["store", "deliveries/s", "ratio", "CPU µs each", "ratio"],
    medians.map(({ contender, perSecond, cpuMicros }) => [
      contender,
      formatCount(perSecond),
      ratio(perSecond, base?.perSecond),
      cpuMicros.toFixed(2),
      ratio(cpuMicros, base?.cpuMicros),
    ]),
  );
}
