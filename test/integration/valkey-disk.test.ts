/** The tests of Redis, on Valkey. */
import { serveWith } from "../../packages/holdfast/test/support/redis-server.js";

serveWith("valkey-server");
await import("./redis-disk.test.js");
