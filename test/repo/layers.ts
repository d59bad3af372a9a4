/** The layers as data: what each folder of src/ may import besides itself and errors.ts. */
export interface Layer {
  readonly folders: readonly string[];
  /** Modules of Node.js, by name without `node:`. */
  readonly node: readonly string[];
  readonly packages: readonly string[];
  /** Folders of which only types may be imported: nothing of them is left at run time. */
  readonly typesOf?: readonly string[];
  /** Single files of other folders. */
  readonly files?: readonly string[];
  /** Globals of a platform that must not be used. */
  readonly forbiddenGlobals?: RegExp;
}

const timeAndSockets = /\b(?:setTimeout|setInterval|setImmediate|Date\.now|new Date|performance)\b/;
const platform =
  /\b(?:setTimeout|setInterval|setImmediate|Date\.now|new Date|performance|process|Buffer|Math\.random)\b/;

export const layers: Readonly<Record<string, Layer>> = {
  websocket: {
    folders: [],
    node: ["buffer", "crypto", "zlib"],
    packages: [],
    forbiddenGlobals: timeAndSockets,
  },
  time: { folders: [], node: [], packages: [], forbiddenGlobals: platform },
  wire: { folders: [], node: [], packages: [], forbiddenGlobals: platform },
  channels: { folders: ["time", "wire"], node: [], packages: [], forbiddenGlobals: platform },
  brokers: {
    folders: ["channels", "time", "wire"],
    node: ["crypto", "fs", "net", "os", "path", "zlib"],
    packages: ["lmdb"],
    forbiddenGlobals: timeAndSockets,
  },
  observe: { folders: ["time", "wire"], node: [], packages: [], forbiddenGlobals: timeAndSockets },
  sessions: { folders: ["channels", "time", "wire"], node: [], packages: [], forbiddenGlobals: platform },
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
    node: ["buffer", "events", "fs/promises", "http", "http2", "https", "net", "stream", "tls"],
    packages: [],
  },
  requests: {
    folders: ["sessions", "wire"],
    // Types of requests, lists of addresses, and nothing that listens.
    node: ["http", "net"],
    packages: [],
  },
  transports: {
    folders: ["channels", "observe", "requests", "sessions", "sockets", "time", "websocket", "wire"],
    node: ["crypto", "http", "http2", "net", "stream"],
    packages: [],
  },
  http: {
    folders: ["channels", "observe", "requests", "sessions", "sockets", "time", "websocket", "wire"],
    node: ["crypto", "fs", "http", "http2", "net", "path", "stream", "zlib"],
    packages: ["zod"],
  },
  server: {
    folders: [
      "app",
      "auth",
      "brokers",
      "channels",
      "http",
      "observe",
      "requests",
      "sessions",
      "sockets",
      "time",
      "transports",
      "wire",
      "websocket",
    ],
    node: ["crypto", "http", "http2", "https", "net", "stream", "tls", "url"],
    packages: [],
  },
  config: {
    folders: [
      "app",
      "auth",
      "channels",
      "requests",
      "server",
      "sessions",
      "sockets",
      "transports",
      "websocket",
    ],
    node: ["crypto", "fs", "path", "url"],
    packages: ["jiti", "yaml", "zod"],
    files: ["http/api/keys.ts"],
  },
  report: { folders: [], node: [], packages: ["d3-scale"], forbiddenGlobals: platform },
  lab: {
    folders: [".", "report"],
    node: [
      "child_process",
      "crypto",
      "diagnostics_channel",
      "events",
      "fs",
      "http",
      "http2",
      "net",
      "os",
      "path",
      "perf_hooks",
      "url",
      "zlib",
    ],
    packages: [],
  },
  showcase: {
    folders: [
      "app",
      "auth",
      "channels",
      "http",
      "lab",
      "report",
      "requests",
      "server",
      "sockets",
      "transports",
    ],
    node: ["crypto", "fs", "http", "os", "path"],
    packages: ["systeminformation", "zod"],
  },
  client: {
    folders: ["wire"],
    node: [],
    packages: ["centrifuge"],
    typesOf: ["app"],
    files: ["app/pattern.ts", "websocket.ts"],
    forbiddenGlobals: /\b(?:process|Buffer|setImmediate|document|window)\b/,
  },
  react: {
    folders: [],
    node: [],
    packages: ["react"],
    typesOf: ["app", "client"],
    forbiddenGlobals: /\b(?:process|Buffer|setImmediate|document|window)\b/,
  },
  cli: {
    folders: [".", "config", "lab", "report", "requests", "showcase"],
    node: ["crypto", "fs", "path", "stream/consumers", "string_decoder", "timers/promises", "tty"],
    packages: ["centrifuge", "cli-table3", "commander", "listr2"],
    files: ["client/without-local-storage.ts", "wire/raw-json.ts"],
  },
};

/** Folders whose subfolders must not import each other: implementations of one contract. */
export const siblingFolders = ["brokers"];

/** Entries that run in browsers, where no module of Node.js can be. */
export const browserEntries = [
  "app.ts",
  "browser.ts",
  "client/index.ts",
  "react/index.ts",
  "report/index.ts",
];
