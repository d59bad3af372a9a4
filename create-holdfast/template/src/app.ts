/** The application: who clients are, which channels there are, and what becomes of what is published. */
import { channel, defineApp, jwt } from "holdfast";
import { z } from "zod";

/** Signs the tokens and checks them; `npm start` reads it from the file .env, which belongs in no repository. */
export const secret = process.env.TOKEN_SECRET ?? "";

export const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    "chat:{room}": channel({
      data: z.object({ text: z.string().trim().min(1).max(500) }),
      history: { size: 100, ttl: "7d" },
      // What subscribers get: clients cannot say who they are, the server does.
      publish: ({ user, data }) => ({ ...data, from: user.id }),
    }),
  },
});

/** What the page's client takes its types from. */
export type MyApp = typeof app;
