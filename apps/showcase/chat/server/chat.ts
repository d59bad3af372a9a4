/**
 * The chat: public rooms for everybody with a name, private rooms for their members. Its rules are functions that read the maps,
 * so that what a moderator or an owner changes holds from the next command on.
 */
import type { User } from "holdfast";
import { type ChannelOptions, channel, rpc } from "holdfast";
import { z } from "zod";
import type { Moderation } from "../../server/moderation.js";
import { allow, nobody, type PartContext, type RunningPart } from "../../server/part.js";
import { nameProblem } from "../../server/text-rules.js";
import { messageSchema, type RoomPublication, stampMessage } from "./messages.js";
import type { Person, PrivateRooms, roomsChanged } from "./private-rooms.js";

export type RoomsChanged = typeof roomsChanged;

export interface ChatContext extends PartContext {
  readonly rooms: PrivateRooms;
  readonly moderation: Moderation;
}

const room = z.object({ room: z.string().min(1).max(64) });
const nameText = z.string().refine((name) => nameProblem(name) === undefined, "is not an accepted name");

export function createChat(context: ChatContext) {
  const { rooms, isWelcome, mayLook } = context;
  const look = allow(({ user }) => mayLook(user));
  const running: RunningPart = { start: () => {}, stop: () => {} };
  const options = roomOptions(context);
  return {
    running,
    channels: {
      "chat:{room}": channel({ ...options, allow: { ...look, publish: ({ user }) => isWelcome(user) } }),
      "private:{room}": channel({
        ...options,
        allow: allow(
          async ({ user, params }) =>
            (await isWelcome(user)) && (await rooms.isMember(params.room ?? "", user.id)),
        ),
      }),
      // What looks like a private room must not be one of the channels for programs.
      "private:{rest*}": channel({ allow: nobody }),
    },
    rpc: {
      rooms: rpc({ allow: "users", handler: ({ user }) => rooms.roomsOf(user.id) }),
      createRoom: rpc({
        input: z.object({ title: nameText }),
        allow: "users",
        handler: ({ user, data }) => rooms.create(toPerson(user), data.title),
      }),
      members: rpc({
        input: room,
        allow: "users",
        handler: ({ user, data }) => rooms.members(toPerson(user), data.room),
      }),
      invite: rpc({
        input: room.extend({ name: nameText }),
        allow: "users",
        handler: ({ user, data }) => rooms.invite(toPerson(user), data.room, data.name),
      }),
      removeMember: rpc({
        input: room.extend({ user: z.string().min(1).max(255) }),
        allow: "users",
        handler: ({ user, data }) => rooms.remove(toPerson(user), data.room, data.user),
      }),
      leaveRoom: rpc({
        input: room,
        allow: "users",
        handler: ({ user, data }) => rooms.leave(toPerson(user), data.room),
      }),
    },
  } as const;
}

function toPerson({ id, info }: User): Person {
  return { id, name: (info as { readonly name: string }).name };
}

/** What public and private rooms have in common: all but who may use them. */
function roomOptions({ moderation, now, durability }: ChatContext) {
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
