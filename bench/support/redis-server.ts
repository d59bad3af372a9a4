/** Redis as a store that several nodes share, with its log on disk once a second, as its documentation recommends. */
import type { SharedStore } from "./contenders.js";

export const redisStore: SharedStore = {
  files: ["/usr/bin/redis-server"],
  ports: 1,
  configure: (folder, [port]) => {
    const listen = ["--bind", "127.0.0.1", "--port", String(port), "--dir", folder];
    return [...listen, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
  },
  url: (port) => `redis://127.0.0.1:${port}`,
};
