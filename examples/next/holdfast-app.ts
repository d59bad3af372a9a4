/** The channels. The page imports the type only, the server in server.ts all of it. */
import { channel, defineApp } from "holdfast";

export const app = defineApp({
  channels: {
    "chat:{room}": channel<{ text: string }>({ history: { size: 100 }, allow: { publish: "all" } }),
  },
});

export type ChatApp = typeof app;
