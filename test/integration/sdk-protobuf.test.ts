/** What the published SDK does over JSON, its Protobuf build does, too: the same tests, over WebSockets and streaming responses. */
import { useProtobufSdk } from "../../packages/holdfast/test/support/app-server.js";

await useProtobufSdk();
await import("./limits.test.js");
await import("./sdk-channels.test.js");
await import("./sdk-maps.test.js");
await import("./sdk-rules.test.js");
await import("./sdk-streams.test.js");
await import("./sdk-tokens.test.js");
