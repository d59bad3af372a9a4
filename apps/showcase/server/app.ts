/** The application: the channels and methods of each page, the maps that nobody may read, and the channels for programs. */
import { channel, defineApp, rpc } from "holdfast";
import { createCanvas } from "../canvas/server/canvas.js";
import { type ChatContext, createChat } from "../chat/server/chat.js";
import { createLab } from "../lab/server/lab.js";
import { createLeaderboard } from "../leaderboard/server/leaderboard.js";
import { createNotices } from "../notices/server/notices.js";
import { createPlay } from "../play/server/play.js";
import { createStory } from "../start/server/story.js";
import { createTicker } from "../ticker/server/ticker.js";
import type { Moderation } from "./moderation.js";
import { allow, nobody, type PartContext } from "./part.js";
import { type Authenticator, isGuest, isTool } from "./sessions.js";
import { maps } from "./store.js";

/** Clients reconnect after codes from 4000 to 4499. */
export const closedOnRequest = { code: 4000, reason: "closed by the server on request" } as const;

export interface AppContext extends ChatContext {
  readonly authenticate: Authenticator;
}

export function createShowcaseApp(context: AppContext) {
  const { authenticate, durability } = context;
  const chat = createChat(context);
  const leaderboard = createLeaderboard(context);
  const ticker = createTicker(context);
  const notices = createNotices(context);
  const canvas = createCanvas(context);
  const lab = createLab(context);
  const play = createPlay(context);
  const story = createStory(context);
  const ownMap = channel({ kind: "map", durability, allow: nobody });
  const app = defineApp({
    authenticate,
    channels: {
      ...leaderboard.channels,
      ...ticker.channels,
      ...notices.channels,
      ...canvas.channels,
      ...lab.channels,
      ...play.channels,
      ...chat.channels,
      ...story.channels,
      [maps.names]: channel({ kind: "map", map: { ttl: "30d" }, durability, allow: nobody }),
      [maps.sanctions]: ownMap,
      [maps.settings]: ownMap,
      "members:{room}": ownMap,
      "memberships:{user}": ownMap,
      // For programs of this machine, such as the command; browsers have no access.
      "{name*}": channel({
        durability,
        presence: true,
        joinLeave: true,
        allow: allow(({ user }) => isTool(user)),
      }),
    },
    rpc: {
      ...leaderboard.rpc,
      ...ticker.rpc,
      ...notices.rpc,
      ...canvas.rpc,
      ...lab.rpc,
      ...play.rpc,
      ...chat.rpc,
      ...story.rpc,
      /** Has the server close the caller's connection; clients reconnect after the code. */
      closeConnection: rpc({
        allow: "all",
        handler: async ({ user }) => {
          const { id, client } = user;
          await context.store.server.disconnect({ user: id, client }, closedOnRequest);
          return {};
        },
      }),
    },
    onConnect: ({ user }) => {
      story.crowd.arrive(user);
      return undefined;
    },
    onDisconnect: ({ user }) => story.crowd.leave(user),
  });
  const parts = [chat, leaderboard, ticker, notices, canvas, lab, play, story];
  const { routes, traceSocket } = story;
  return { app, routes, traceSocket, running: parts.map(({ running }) => running) };
}

export type ShowcaseApp = ReturnType<typeof createShowcaseApp>["app"];

export function createMayLook(isWelcome: PartContext["isWelcome"]): PartContext["mayLook"] {
  return async (user) => isGuest(user) || (await isWelcome(user));
}

export function createIsWelcome(moderation: Moderation): PartContext["isWelcome"] {
  return async (user) => isTool(user) || (user.id !== "" && !(await moderation.isBanned(user.id)));
}
