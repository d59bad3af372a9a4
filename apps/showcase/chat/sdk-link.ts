/** The one connection, through the typed client of the application: its events become calls on the chat's own objects. */
import {
  type Channel,
  type Client,
  type HistoryPage as ClientHistoryPage,
  type ClientInfo,
  connect,
  type Publication,
} from "@holdfast/client";
import type { Devtools } from "@holdfast/client/devtools";
import type { ShowcaseApp } from "../server/app.js";
import { basePathOf } from "../shared/base-path.js";
import { addressOf, connectionOptions } from "../shared/line/page-line.js";
import { readServerError } from "../shared/line/server-error.js";
import type { ChatLink, LinkEvents, LinkedChannel, RoomReceiver } from "./model/chat.js";
import type { PublisherInfo, ReceivedPublication } from "./model/message.js";
import type { ApiCall } from "./model/moderator.js";
import type { HistoryPage } from "./model/room-history.js";
import { idOfPrivate, isPrivate } from "./model/rooms.js";
import type { MessageInput, RoomPublication } from "./server/messages.js";

type RoomOfServer = Channel<MessageInput, RoomPublication>;

/** The server knows no session for what the browser sent. */
const unknownCode = 3501;
const loggedOutCode = 4501;

export interface SdkLink extends ChatLink {
  /** Undefined before `connect`. */
  readonly client: Client<ShowcaseApp> | undefined;
}

export function createSdkLink(search: string, devtools: Devtools, events: LinkEvents): SdkLink {
  const { status } = events;
  let client: Client<ShowcaseApp> | undefined;
  const use = (): Client<ShowcaseApp> => {
    if (!client) throw new Error("not connected yet");
    return client;
  };
  const call = async <Result>(run: (connected: Client<ShowcaseApp>) => Promise<Result>): Promise<Result> =>
    await run(use()).catch((error: unknown) => {
      throw asServerSaid(error);
    });
  return {
    get client() {
      return client;
    },
    connect() {
      client = connect<ShowcaseApp>(addressOf(search), {
        ...connectionOptions(devtools, status),
        // What is behind it comes as a status, too.
        onError: () => {},
      });
      devtools.attach(client);
      client.onStatus((now) => {
        if (now.state === "connecting") status.receiveConnecting();
        else if (now.state === "connected") {
          status.receiveConnected(events.rooms());
          events.onConnected();
        } else {
          status.receiveDisconnected(now.code, now.reason);
          if (now.code === unknownCode) events.onUnknown();
          if (now.code === loggedOutCode) events.onLoggedOut();
        }
      });
      client.onMessage((message) => {
        if ((message as { kind?: unknown } | null)?.kind === "rooms") events.onRoomsChanged();
      });
    },
    reconnect: () => use().reconnect(),
    close: () => client?.close(),
    channel: (room) => createChannel(() => roomOf(use(), room)),
    methods: {
      rooms: () => call((connected) => connected.rpc("rooms")),
      createRoom: (argument) => call((connected) => connected.rpc("createRoom", argument)),
      members: (argument) => call((connected) => connected.rpc("members", argument)),
      invite: (argument) => call((connected) => connected.rpc("invite", argument)),
      removeMember: (argument) => call((connected) => connected.rpc("removeMember", argument)),
      leaveRoom: (argument) => call((connected) => connected.rpc("leaveRoom", argument)),
    },
  };
}

function roomOf(client: Client<ShowcaseApp>, room: string): RoomOfServer {
  return isPrivate(room)
    ? client.channel("private:{room}", { room: idOfPrivate(room) })
    : client.channel("chat:{room}", { room });
}

function createChannel(open: () => RoomOfServer): LinkedChannel {
  let stop: (() => void) | undefined;
  return {
    join(receiver) {
      stop?.();
      stop = receiveFrom(open(), receiver);
    },
    leave() {
      stop?.();
      stop = undefined;
    },
    publish: async ({ id, text }) => {
      // The same message sent again counts once, also where the page was reloaded in between.
      await open()
        .publish({ id, text }, { idempotencyKey: id })
        .catch((error: unknown) => {
          throw asServerSaid(error);
        });
    },
    history: async (request) => {
      const page = await open()
        .history(request)
        .catch((error: unknown) => {
          throw asServerSaid(error);
        });
      return toHistoryPage(page);
    },
    presence: async () => {
      const infos = await open().presence();
      return { clients: Object.fromEntries(infos.map((info) => [info.client, toInfo(info)])) };
    },
  };
}

function receiveFrom(room: RoomOfServer, receiver: RoomReceiver): () => void {
  return room.subscribe({
    onStatus: (status) => {
      if (status.state === "subscribing") receiver.receiveSubscribing();
      else if (status.state === "unsubscribed") receiver.receiveUnsubscribed(status.code, status.reason);
      else {
        const { wasRecovering, recovered, position } = status;
        void receiver.receiveSubscribed({
          ...{ wasRecovering, recovered },
          ...(position && { streamPosition: position }),
        });
      }
    },
    onPublication: (publication) => receiver.receivePublication(toReceived(publication)),
    onJoin: (info) => receiver.receiveJoin(toInfo(info)),
    onLeave: (info) => receiver.receiveLeave(toInfo(info)),
  });
}

function toReceived({ data, offset, info }: Publication<RoomPublication>): ReceivedPublication {
  return { data, ...(offset !== undefined && { offset }), ...(info && { info: toInfo(info) }) };
}

function toInfo({ user, client, connInfo }: ClientInfo): PublisherInfo {
  return { user, client, connInfo };
}

function toHistoryPage({ publications, position }: ClientHistoryPage<RoomPublication>): HistoryPage {
  return { publications: publications.map(toReceived), ...position };
}

/** As the sender of a room reads it. */
function asServerSaid(error: unknown): { code: number; message: string; temporary: boolean } {
  const { code, message, isFinal } = readServerError(error);
  return { code, message, temporary: !isFinal };
}

export const callApi: ApiCall = async (method, params, key) => {
  const response = await fetch(`${basePathOf()}api/${method}`, {
    method: "POST",
    // A header cannot hold other characters, and no key has them.
    headers: { "Content-Type": "application/json", "X-API-Key": key.replace(/[^\x20-\x7e]/g, "") },
    body: JSON.stringify(params),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
