/** The packages and their layers as data: what each folder of sources may import besides itself and errors.ts. */
export interface Layer {
  readonly folders: readonly string[];
  /** Modules of Node.js, by name without `node:`. */
  readonly node: readonly string[];
  readonly packages: readonly string[];
  /** Single files of other folders. */
  readonly files?: readonly string[];
  /** Globals of a platform that must not be used. */
  readonly forbiddenGlobals?: RegExp;
}

const timeAndSockets = /\b(?:setTimeout|setInterval|setImmediate|Date\.now|new Date|performance)\b/;
const platform =
  /\b(?:setTimeout|setInterval|setImmediate|Date\.now|new Date|performance|process|Buffer|Math\.random)\b/;

/**
 * Descriptions of limits import nothing but errors.ts, and no types either. From there each part has the types of its options, and parts
 * that are used without a server, such as brokers and WebSockets, their defaults.
 */
const descriptions = [
  "options/option.ts",
  "options/limits.ts",
  "options/websocket.ts",
  "options/websocket-options.ts",
];

const server: Readonly<Record<string, Layer>> = {
  websocket: {
    folders: [],
    files: descriptions,
    node: ["buffer", "crypto", "zlib"],
    packages: [],
    forbiddenGlobals: timeAndSockets,
  },
  time: { folders: [], node: [], packages: [], forbiddenGlobals: platform },
  wire: { folders: [], node: [], packages: [], forbiddenGlobals: platform },
  channels: {
    folders: ["observe", "time", "wire"],
    files: descriptions,
    node: [],
    packages: [],
    forbiddenGlobals: platform,
  },
  brokers: {
    folders: ["channels", "observe", "time", "wire"],
    files: [...descriptions, "options/options.ts"],
    // A child process tries the index of a store; `module` finds lmdb for it.
    node: [
      "buffer",
      "child_process",
      "crypto",
      "fs",
      "fs/promises",
      "module",
      "net",
      "os",
      "path",
      "tls",
      "worker_threads",
      "zlib",
    ],
    packages: ["lmdb", "ioredis", "@nats-io/transport-node"],
    forbiddenGlobals: timeAndSockets,
  },
  observe: {
    folders: ["time", "wire"],
    // What it is told, and asked, by those that it must not depend on.
    files: ["channels/cluster.ts", "sessions/recorder.ts"],
    node: ["diagnostics_channel"],
    packages: [],
    forbiddenGlobals: timeAndSockets,
  },
  sessions: {
    folders: ["channels", "observe", "time", "wire"],
    files: descriptions,
    node: [],
    packages: [],
    forbiddenGlobals: platform,
  },
  app: {
    folders: ["auth", "channels", "sessions", "time", "wire"],
    node: [],
    packages: ["@standard-schema/spec"],
    forbiddenGlobals: platform,
  },
  auth: {
    folders: ["sessions", "wire"],
    node: ["crypto"],
    packages: ["jose"],
    forbiddenGlobals: timeAndSockets,
  },
  sockets: {
    folders: ["time", "websocket"],
    files: descriptions,
    node: ["buffer", "events", "fs/promises", "http", "http2", "https", "net", "stream", "tls"],
    packages: [],
  },
  requests: {
    folders: ["sessions", "wire"],
    // Types of requests, lists of addresses, and nothing that listens.
    node: ["http", "net"],
    packages: [],
    files: ["sockets/open-request.ts"],
  },
  transports: {
    folders: ["channels", "observe", "requests", "sessions", "sockets", "time", "websocket", "wire"],
    files: descriptions,
    node: ["crypto", "http", "http2", "net", "stream"],
    packages: [],
  },
  http: {
    folders: ["channels", "observe", "requests", "sessions", "sockets", "time", "websocket", "wire"],
    node: ["crypto", "fs", "http", "http2", "net", "path", "stream", "zlib"],
    packages: ["zod"],
  },
  // Described once for all: what each option accepts is known by the part that it is for.
  options: {
    folders: ["channels", "http", "observe", "requests", "sessions", "sockets"],
    node: [],
    packages: [],
  },
  server: {
    folders: [
      "app",
      "auth",
      "brokers",
      "channels",
      "http",
      "observe",
      "options",
      "requests",
      "sessions",
      "sockets",
      "time",
      "transports",
      "wire",
      "websocket",
    ],
    node: ["cluster", "crypto", "http", "http2", "https", "net", "os", "perf_hooks", "stream", "tls", "url"],
    packages: ["pino"],
  },
  config: {
    folders: ["app", "auth", "channels", "options", "requests", "server", "sessions", "sockets", "time"],
    node: ["crypto", "fs", "path", "url"],
    packages: ["jiti", "yaml", "zod"],
    files: ["http/api/keys.ts"],
  },
  cli: {
    folders: [".", "config", "options", "requests"],
    node: [
      "cluster",
      "crypto",
      "fs",
      "os",
      "path",
      "stream/consumers",
      "string_decoder",
      "timers/promises",
      "tty",
      "url",
    ],
    packages: ["centrifuge", "commander"],
    // A reload passes sockets between processes, and finds the server by its store.
    files: [
      "brokers/lmdb/store-folder.ts",
      "server/handover.ts",
      "sockets/passed-socket.ts",
      "wire/payload.ts",
    ],
  },
};

/** Browser-safe files of the server that the client has, too: its build takes them in. */
const shared = ["app/app-shape", "app/pattern", "errors", "wire/messages"].map(
  (name) => `../../holdfast/src/${name}.ts`,
);
const notInPages = /\b(?:process|Buffer|setImmediate)\b/;
const notInBrowsers = /\b(?:process|Buffer|setImmediate|document|window)\b/;

const client: Readonly<Record<string, Layer>> = {
  ".": {
    folders: [],
    node: [],
    packages: ["centrifuge"],
    files: [
      ...shared,
      "../../holdfast/src/sockets/web-socket.ts",
      "../../holdfast/src/wire/payload.ts",
      "../../holdfast/src/without-local-storage.ts",
    ],
    forbiddenGlobals: notInBrowsers,
  },
  devtools: { folders: [], node: [], packages: [], forbiddenGlobals: notInPages },
  react: { folders: ["."], node: [], packages: ["react"], files: shared, forbiddenGlobals: notInBrowsers },
};

const lab: Readonly<Record<string, Layer>> = {
  ".": {
    folders: ["load", "node", "report", "users"],
    node: ["child_process", "crypto", "diagnostics_channel", "net", "perf_hooks", "url"],
    packages: ["holdfast"],
  },
  users: { folders: [".", "load", "node", "report"], node: ["http2", "net"], packages: [] },
  node: { folders: ["report"], node: ["fs", "net", "os", "zlib"], packages: [] },
  load: { folders: ["report"], node: [], packages: [], forbiddenGlobals: platform },
  report: { folders: [], node: [], packages: ["d3-scale"], forbiddenGlobals: platform },
  cli: {
    folders: [".", "report"],
    node: ["fs", "path"],
    packages: ["cli-table3", "commander", "holdfast", "holdfast/internal", "listr2"],
  },
};

export interface Package {
  readonly sources: string;
  readonly layers: Readonly<Record<string, Layer>>;
  /** Entries that run in browsers, where no module of Node.js can be. */
  readonly browserEntries: readonly string[];
}

export const packages: readonly Package[] = [
  { sources: "packages/holdfast/src", layers: server, browserEntries: ["app.ts", "browser.ts"] },
  {
    sources: "packages/client/src",
    layers: client,
    browserEntries: ["index.ts", "react/index.ts", "devtools/index.ts"],
  },
  { sources: "packages/lab/src", layers: lab, browserEntries: ["load/index.ts", "report/index.ts"] },
];

/** Folders whose subfolders must not import each other: implementations of one contract. */
export const siblingFolders = ["brokers"];

/** Subfolders among them that all may import. */
export const commonSubfolders = ["brokers/nodes"];

/** Subfolders that are built on another one of them. */
export const subfoldersBelow: Readonly<Record<string, string>> = { "brokers/shared": "brokers/lmdb" };
