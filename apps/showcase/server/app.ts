/**
 * The application: the channels and methods of each page. Those of the chat are here: public rooms for everybody with a
 * name, private rooms for their members. The
 * rules are functions that ask the maps, so that what a moderator or an owner changes holds from the next command on.
 */

import type { AccessContext, User } from "holdfast";
import { type ChannelOptions, channel, defineApp, rpc } from "holdfast";
import { z } from "zod";
import { createCanvas } from "../canvas/server/canvas.js";
import { createLab } from "../lab/server/lab.js";
import { createLeaderboard } from "../leaderboard/server/leaderboard.js";
import { createNotices } from "../notices/server/notices.js";
import { createTicker } from "../ticker/server/ticker.js";
import { type Authenticator, isTool } from "./authenticate.js";
import { messageSchema, type RoomPublication, stampMessage } from "./messages.js";
import type { Moderation } from "./moderation.js";
import { nameProblem } from "./names.js";
import type { PartContext } from "./part.js";
import type { Person, PrivateRooms, roomsChanged } from "./private-rooms.js";
import { maps } from "./store.js";

export interface AppParts extends PartContext {
  readonly authenticate: Authenticator;
  readonly rooms: PrivateRooms;
  readonly moderation: Moderation;
}

const nobody = { subscribe: false, publish: false, presence: false, history: false } as const;
const room = z.object({ room: z.string().min(1).max(64) });
const ofName = z.string().refine((name) => nameProblem(name) === undefined, "is no name that is accepted");

type Rule = (context: AccessContext) => boolean | Promise<boolean>;

/** One rule for all that can be done in a channel. */
function allow(rule: Rule) {
  return { subscribe: rule, publish: rule, presence: rule, history: rule };
}

function personOf({ id, info }: User): Person {
  return { id, name: (info as { readonly name: string }).name };
}

export function createShowcaseApp(parts: AppParts) {
  const { authenticate, rooms, isWelcome } = parts;
  const leaderboard = createLeaderboard(parts);
  const ticker = createTicker(parts);
  const notices = createNotices(parts);
  const canvas = createCanvas(parts);
  const lab = createLab(parts);
  const ofRoom = roomOptions(parts);
  const kept = channel({ kind: "map", durability: parts.durability, allow: nobody });
  const app = defineApp({
    authenticate,
    channels: {
      ...leaderboard.channels,
      ...ticker.channels,
      ...notices.channels,
      ...canvas.channels,
      ...lab.channels,
      "chat:{room}": channel({ ...ofRoom, allow: allow(({ user }) => isWelcome(user)) }),
      "private:{room}": channel({
        ...ofRoom,
        allow: allow(
          async ({ user, params }) =>
            (await isWelcome(user)) && (await rooms.isMember(params.room ?? "", user.id)),
        ),
      }),
      // What would look like a private room, and must not be one of the open channels below.
      "private:{rest*}": channel({ allow: nobody }),
      [maps.names]: channel({
        kind: "map",
        map: { ttl: "30d" },
        durability: parts.durability,
        allow: nobody,
      }),
      [maps.sanctions]: kept,
      [maps.settings]: kept,
      "members:{room}": kept,
      "memberships:{user}": kept,
      // For the command line on this machine: no browser gets there.
      "{name*}": channel({
        durability: parts.durability,
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
      rooms: rpc({ allow: "users", handler: ({ user }) => rooms.roomsOf(user.id) }),
      createRoom: rpc({
        input: z.object({ title: ofName }),
        allow: "users",
        handler: ({ user, data }) => rooms.create(personOf(user), data.title),
      }),
      members: rpc({
        input: room,
        allow: "users",
        handler: ({ user, data }) => rooms.members(personOf(user), data.room),
      }),
      invite: rpc({
        input: room.extend({ name: ofName }),
        allow: "users",
        handler: ({ user, data }) => rooms.invite(personOf(user), data.room, data.name),
      }),
      removeMember: rpc({
        input: room.extend({ user: z.string().min(1).max(255) }),
        allow: "users",
        handler: ({ user, data }) => rooms.remove(personOf(user), data.room, data.user),
      }),
      leaveRoom: rpc({
        input: room,
        allow: "users",
        handler: ({ user, data }) => rooms.leave(personOf(user), data.room),
      }),
    },
  });
  return { app, running: [leaderboard, ticker, notices, canvas, lab].map(({ running }) => running) };
}

export type ShowcaseApp = ReturnType<typeof createShowcaseApp>["app"];
export type RoomsChanged = typeof roomsChanged;

export function createIsWelcome(moderation: Moderation): PartContext["isWelcome"] {
  return async (user) => isTool(user) || (user.id !== "" && !(await moderation.isBanned(user.id)));
}

/** What public and private rooms have in common: all but who may use them. */
function roomOptions({ moderation, now, durability }: AppParts) {
  return {
    data: messageSchema,
    history: { size: 2000, ttl: "14d" },
    durability,
    presence: true,
    joinLeave: true,
    publish: async ({ user, channel: name, data }): Promise<RoomPublication> => {
      await moderation.admit(user.id, name);
      return stampMessage(data, user, now());
    },
  } satisfies ChannelOptions<
    Parameters<typeof stampMessage>[0],
    Parameters<typeof stampMessage>[0],
    RoomPublication
  >;
}
