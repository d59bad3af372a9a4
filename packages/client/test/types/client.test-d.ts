/** Types of a client, by the application of its server. Compiled by test/repo/types.test.ts and `npm run typecheck`. */
import { describe, expectTypeOf, it } from "vitest";
import { channel, defineApp } from "../../../holdfast/src/index.js";
import {
  type Channel,
  type Client,
  type ClientInfo,
  connect,
  type PublishedPosition,
} from "../../src/node.js";
import type { UseChannelResult, UseMapResult, useChannel, useMap } from "../../src/react/index.js";
import type { ChatApp } from "../support/chat-app.js";

const fileApp = defineApp({
  channels: {
    "file:{id}": channel({ payload: "binary" }),
    icons: channel<Uint8Array>({ payload: "binary", kind: "map" }),
    notes: channel({}),
    typed: channel<{ text: string }>({}),
  },
});
type FileApp = typeof fileApp;

type Said = { text: string; sentAt: number; from: string };
type Says = { text: string; sentAt?: unknown };

/** Never called: nothing here needs a server. */
function calls(client: Client<ChatApp>, used: typeof useChannel) {
  const lobby = client.channel("chat:{room}", { room: "lobby" });
  const news = client.channel("news");
  return { lobby, news, used };
}

type Calls = ReturnType<typeof calls>;

describe("types of a client", () => {
  it("say what a channel takes and gives", () => {
    expectTypeOf<Calls["lobby"]>().toEqualTypeOf<Channel<Says, Said>>();
    expectTypeOf<Calls["news"]>().toEqualTypeOf<Channel<string, string>>();
    expectTypeOf<Calls["lobby"]["publish"]>().parameter(0).toEqualTypeOf<Says>();
    expectTypeOf<Calls["lobby"]["publish"]>().returns.resolves.toEqualTypeOf<PublishedPosition>();
    expectTypeOf<Calls["lobby"]["presence"]>().returns.resolves.toEqualTypeOf<readonly ClientInfo[]>();
  });

  it("say what publications carry, in listeners, loops and history", () => {
    const check = async (lobby: Calls["lobby"]) => {
      lobby.subscribe(({ data }) => expectTypeOf(data).toEqualTypeOf<Said>());
      lobby.subscribe({ onPublication: ({ data }) => expectTypeOf(data).toEqualTypeOf<Said>() });
      for await (const { data } of lobby) expectTypeOf(data).toEqualTypeOf<Said>();
      const { publications } = await lobby.history();
      expectTypeOf(publications[0]?.data).toEqualTypeOf<Said | undefined>();
    };
    expectTypeOf(check).toBeFunction();
  });

  it("take the name of a channel as they take its pattern", () => {
    const check = (client: Client<ChatApp>) => {
      expectTypeOf(client.channel("chat:lobby")).toEqualTypeOf<Channel<Says, Said>>();
      expectTypeOf(client.map("board:chess").set).parameter(1).toEqualTypeOf<{ points: number }>();
    };
    expectTypeOf(check).toBeFunction();
  });

  it("say what methods take and give", () => {
    const check = (client: Client<ChatApp>) => [
      expectTypeOf(client.rpc("add", { a: 1, b: 2 })).resolves.toEqualTypeOf<number>(),
      expectTypeOf(client.rpc("whoAmI")).resolves.toEqualTypeOf<{ id: string }>(),
      client.rpc("fail"),
      client.rpc("fail", { any: "JSON" }),
    ];
    expectTypeOf(check).toBeFunction();
  });

  it("refuse what the application does not have", () => {
    const check = (client: Client<ChatApp>, { lobby, news }: Calls) => {
      // @ts-expect-error: there is no such channel
      client.channel("chats:{room}", { room: "lobby" });
      // @ts-expect-error: no channel has such a name
      client.channel("chats:lobby");
      // @ts-expect-error: the parameter of the pattern has another name
      client.channel("chat:{rom}", { rom: "lobby" });
      // @ts-expect-error: the parameter is missing
      client.channel("chat:{room}");
      // @ts-expect-error: the parameter has another name
      client.channel("chat:{room}", { rom: "lobby" });
      // @ts-expect-error: the parameter is no text
      client.channel("chat:{room}", { room: 7 });
      // @ts-expect-error: the pattern has no parameters
      client.channel("news", { room: "lobby" });
      // @ts-expect-error: the text is missing
      lobby.publish({ sentAt: 1 });
      // @ts-expect-error: the text is none
      lobby.publish({ text: 1 });
      // @ts-expect-error: a text is published there
      news.publish({ text: "rain" });
      // @ts-expect-error: publications have no such field
      lobby.subscribe(({ data }) => data.txt);
      // @ts-expect-error: there is no such method
      client.rpc("subtract", { a: 1, b: 2 });
      // @ts-expect-error: the argument is missing
      client.rpc("add");
      // @ts-expect-error: a part of the argument is missing
      client.rpc("add", { a: 1 });
      // @ts-expect-error: a part of the argument is no number
      client.rpc("add", { a: 1, b: "2" });
      // @ts-expect-error: the method takes no argument
      client.rpc("whoAmI", { id: "ann" });
      // @ts-expect-error: there is no such option
      connect<ChatApp>("http://localhost:8000", { tokn: "x" });
    };
    expectTypeOf(check).toBeFunction();
  });

  it("go through to the hook", () => {
    const check = (client: Client<ChatApp>, { used }: Calls) => {
      const lobby = used(client, "chat:{room}", { room: "lobby" }, { history: 10 });
      expectTypeOf(lobby).toEqualTypeOf<UseChannelResult<Says, Said>>();
      expectTypeOf(used(client, "news").publish).parameter(0).toEqualTypeOf<string>();
      // @ts-expect-error: the parameter is missing
      used(client, "chat:{room}");
      // @ts-expect-error: there is no such channel
      used(client, "chats");
      // @ts-expect-error: the text is none
      lobby.publish({ text: 1 });
    };
    expectTypeOf(check).toBeFunction();
  });

  it("go through to the hooks by a name, too", () => {
    const check = (client: Client<ChatApp>, channel: typeof useChannel, map: typeof useMap) => {
      const lobby = channel(client, "chat:lobby", undefined, { history: 10 });
      expectTypeOf(lobby).toEqualTypeOf<UseChannelResult<Says, Said>>();
      expectTypeOf(channel(client, `chat:${"a" as string}`).publications[0]?.data).toEqualTypeOf<
        Said | undefined
      >();
      const board = map(client, "board:chess", undefined, { orderBy: ({ points }) => points });
      expectTypeOf(board).toEqualTypeOf<UseMapResult<{ points: number }, { points: number }>>();
      // @ts-expect-error: no channel has such a name
      channel(client, "chats:lobby");
      // @ts-expect-error: the parameter is missing
      map(client, "board:{game}");
      // @ts-expect-error: no map has such a name
      map(client, "boards:chess");
    };
    expectTypeOf(check).toBeFunction();
  });

  it("are bytes in channels of bytes, which the client has to be told of", () => {
    const check = async (client: Client<FileApp>, map: typeof useMap) => {
      const file = client.channel("file:{id}", { id: "1" });
      expectTypeOf(file.publish).parameter(0).toEqualTypeOf<Uint8Array>();
      file.subscribe(({ data }) => expectTypeOf(data).toEqualTypeOf<Uint8Array>());
      for await (const { data } of file) expectTypeOf(data).toEqualTypeOf<Uint8Array>();
      const { publications } = await file.history();
      expectTypeOf(publications[0]?.data).toEqualTypeOf<Uint8Array | undefined>();
      expectTypeOf(client.map("icons").set).parameter(1).toEqualTypeOf<Uint8Array>();
      expectTypeOf(client.map("icons").get("a")?.data).toEqualTypeOf<Uint8Array | undefined>();
      expectTypeOf(map(client, "icons").set).parameter(1).toEqualTypeOf<Uint8Array>();
      // @ts-expect-error: the channel carries bytes
      await file.publish("AAAA");
      // @ts-expect-error: the channel carries JSON
      await client.channel("notes").publish(new Uint8Array());
      // @ts-expect-error: the channel carries objects
      await client.channel("typed").publish(new Uint8Array());
      await client.channel("notes").publish({ any: ["JSON"] });
      const url = "http://localhost:8000";
      connect<FileApp>(url, { payloads: { "file:{id}": "binary", icons: "binary" } });
      connect<FileApp>(url, { payloads: { "file:{id}": "binary", icons: "binary", notes: "json" } });
      // @ts-expect-error: the channels of bytes are missing
      connect<FileApp>(url);
      // @ts-expect-error: the channels of bytes are missing
      connect<FileApp>(url, {});
      // @ts-expect-error: one of the channels of bytes is missing
      connect<FileApp>(url, { payloads: { "file:{id}": "binary" } });
      // @ts-expect-error: the channel carries JSON
      connect<FileApp>(url, { payloads: { "file:{id}": "binary", icons: "binary", notes: "binary" } });
      connect(url, { payloads: { "a:{b}": "binary" } });
      connect(url);
    };
    expectTypeOf(check).toBeFunction();
  });

  it("know nothing of an unknown application, and allow everything", () => {
    const check = (client: Client) => {
      expectTypeOf(client.channel("a:{b}", { b: "c" })).toEqualTypeOf<Channel<unknown, unknown>>();
      expectTypeOf(client.rpc("anything", 1)).resolves.toBeUnknown();
    };
    expectTypeOf(check).toBeFunction();
  });
});
