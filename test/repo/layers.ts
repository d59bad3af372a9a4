/** The layers as data: what each folder of src/ may import besides itself and errors.ts. */
export interface Layer {
  readonly folders: readonly string[];
  /** Modules of Node.js, by name without `node:`. */
  readonly node: readonly string[];
  readonly packages: readonly string[];
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
  sessions: { folders: ["channels", "time", "wire"], node: [], packages: [], forbiddenGlobals: platform },
  sockets: {
    folders: ["time", "websocket"],
    node: ["buffer", "events", "http", "http2", "https", "net", "stream", "tls"],
    packages: [],
  },
  transports: {
    folders: ["sessions", "channels", "sockets", "time", "wire", "websocket"],
    node: ["http", "http2", "net", "stream"],
    packages: [],
  },
  http: {
    folders: ["channels", "sessions", "sockets", "wire", "websocket"],
    node: ["crypto", "fs", "http", "http2", "net", "path", "stream"],
    packages: [],
  },
  server: {
    folders: [
      "brokers",
      "channels",
      "http",
      "sessions",
      "sockets",
      "time",
      "transports",
      "wire",
      "websocket",
    ],
    node: ["crypto", "http", "http2", "net", "stream", "url"],
    packages: [],
  },
  client: { folders: ["wire"], node: [], packages: ["centrifuge"] },
  cli: {
    folders: ["."],
    node: ["crypto", "fs", "readline", "timers/promises"],
    packages: ["centrifuge", "commander"],
  },
};

/** Folders whose subfolders must not import each other: implementations of one contract. */
export const siblingFolders = ["brokers"];
