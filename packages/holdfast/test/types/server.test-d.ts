/** Types of an embedded server, by its application. Compiled by test/repo/types.test.ts and `npm run typecheck`. */
import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import { channel, createServer, defineApp, type HoldfastServer } from "../../src/index.js";

const app = defineApp({
  channels: {
    "chat:{room}": channel({ data: z.object({ text: z.string() }) }),
    "board:{game}": channel<{ points: number }>({ kind: "map" }),
  },
});
const other = defineApp({ channels: { news: channel({}) } });

describe("a server", () => {
  it("publishes in channels of its application, with their data", () => {
    const check = (server: HoldfastServer<typeof app>, room: string) => [
      server.publish("chat:lobby", { text: "hello" }),
      server.publish(`chat:${room}`, { text: "hello" }),
      server.broadcast([`chat:${room}`, "chat:lobby"], { text: "hello" }),
      expectTypeOf(server.history("chat:lobby"))
        .resolves.toHaveProperty("publications")
        .items.toHaveProperty("data")
        .toEqualTypeOf<{ text: string }>(),
    ];
    expectTypeOf(check).toBeFunction();
  });

  it("does not compile with other channels or other data", () => {
    const check = (server: HoldfastServer<typeof app>, name: string) => {
      // @ts-expect-error: there is no such channel
      void server.publish("chta:lobby", { text: "hello" });
      // @ts-expect-error: any string may be another channel
      void server.publish(name, { text: "hello" });
      // @ts-expect-error: the data has no text
      void server.publish("chat:lobby", { txt: "hello" });
      // @ts-expect-error: the value of a map has points
      void server.publish("board:chess", { text: "hello" }, { key: "ann" });
      // @ts-expect-error: there is no such option
      createServer(app, { prot: 8000 });
    };
    expectTypeOf(check).toBeFunction();
  });

  it("of any application can be passed on as one of no particular application, and not as one of another", () => {
    const check = (server: HoldfastServer<typeof app>) => {
      const any: HoldfastServer = server;
      // @ts-expect-error: it has other channels
      const another: HoldfastServer<typeof other> = server;
      return [any, another];
    };
    expectTypeOf(check).toBeFunction();
    expectTypeOf(createServer(app)).toEqualTypeOf<HoldfastServer<typeof app>>();
  });

  it("without an application publishes any data in any channel", () => {
    const check = (server: HoldfastServer) => [
      server.publish("anything", { at: "all" }),
      expectTypeOf(server.history("anything"))
        .resolves.toHaveProperty("publications")
        .items.toHaveProperty("data")
        .toBeUnknown(),
    ];
    expectTypeOf(check).toBeFunction();
    expectTypeOf(createServer()).toEqualTypeOf<HoldfastServer>();
  });
});
