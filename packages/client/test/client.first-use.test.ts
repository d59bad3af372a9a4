import { describe, expect, it, onTestFinished, vi } from "vitest";
import { connect } from "../src/index.js";
import { type ChatApp, join, startChat } from "./support/chat-app.js";

const patience = { timeout: 5000 };

/** A class of WebSockets that opens none, and counts. */
function countSockets() {
  const urls: string[] = [];
  class Counted {
    readyState = 0;
    constructor(url: string) {
      urls.push(url);
    }
    close() {}
  }
  return { urls, webSocket: Counted };
}

describe("an unused client, as in server-side rendering", () => {
  it("opens no connection, with an address or without", () => {
    const { urls, webSocket } = countSockets();
    for (const address of ["http://localhost:8000", undefined, "/", "/rt"]) {
      const client = connect<ChatApp>(address, { webSocket });
      expect(client.channel("chat:{room}", { room: "a" }).status.state).toBe("unsubscribed");
      expect(client.status.state).toBe("connecting");
      expect(client.queuedPublications).toBe(0);
      client.map("board:{game}", { game: "chess" });
      client.close();
    }
    expect(urls).toEqual([]);
  });

  it("says what is missing when it is used outside of a page", async () => {
    const missing = {
      code: "HF_OPTION_INVALID",
      message: expect.stringContaining("url is required outside of a page"),
    };
    const client = connect<ChatApp>();
    onTestFinished(() => client.close());
    await expect(client.ready()).rejects.toMatchObject(missing);
    await expect(client.rpc("whoAmI")).rejects.toMatchObject(missing);
    await expect(client.channel("news").publish("rain")).rejects.toMatchObject(missing);
    expect(() => client.channel("news").subscribe(() => {})).toThrow(expect.objectContaining(missing));
    expect(() => client.onStatus(() => {})).toThrow(expect.objectContaining(missing));
  });

  it.each<[string, (client: ReturnType<typeof connect<ChatApp>>) => unknown]>([
    ["subscribe", (client) => client.channel("news").subscribe(() => {})],
    ["subscribe of a map", (client) => client.map("board:{game}", { game: "chess" }).subscribe(() => {})],
    [
      "publish",
      (client) =>
        client
          .channel("news")
          .publish("rain")
          .catch(() => {}),
    ],
    [
      "history",
      (client) =>
        client
          .channel("news")
          .history()
          .catch(() => {}),
    ],
    ["rpc", (client) => client.rpc("whoAmI").catch(() => {})],
    ["ready", (client) => client.ready().catch(() => {})],
    ["onStatus", (client) => client.onStatus(() => {})],
    ["onMessage", (client) => client.onMessage(() => {})],
    ["onPublication", (client) => client.onPublication(() => {})],
    ["connect", (client) => client.connect()],
  ])("connects, once, with %s", (_, use) => {
    const { urls, webSocket } = countSockets();
    const client = connect<ChatApp>("http://localhost:8000", { webSocket });
    use(client);
    use(client);
    expect(urls).toEqual(["ws://localhost:8000/connection/websocket"]);
    client.close();
  });
});

describe("subscribe", () => {
  it("begins with everything that is kept, by name", async () => {
    const { server, url } = await startChat();
    for (const text of ["one", "two"]) await server.publish("news", text);
    const heard: string[] = [];
    join(url)
      .channel("news")
      .subscribe(({ data }) => void heard.push(data), { since: "beginning" });
    await vi.waitFor(() => expect(heard).toEqual(["one", "two"]), patience);
  });

  it.each(["start", { epoch: "x" }, { epoch: "x", offset: -1 }, 0])("refuses since: %j", (since) => {
    const client = connect<ChatApp>("http://localhost:8000", { webSocket: countSockets().webSocket });
    expect(() => client.channel("news").subscribe(() => {}, { since } as never)).toThrow(
      /^since must be \{ epoch, offset \} or "beginning", but is /,
    );
    client.close();
  });

  it("refuses unknown listeners, and lists the known ones", () => {
    const client = connect<ChatApp>("http://localhost:8000", { webSocket: countSockets().webSocket });
    expect(() => client.channel("news").subscribe({ onPublicaton: () => {} } as never)).toThrow(
      "unknown option listeners.onPublicaton (did you mean listeners.onPublication?); known options: listeners.onJoin, listeners.onLeave, listeners.onPublication",
    );
    expect(() =>
      client.map("board:{game}", { game: "chess" }).subscribe({ onchange: () => {} } as never),
    ).toThrow(
      "unknown option listeners.onchange (did you mean listeners.onChange?); known options: listeners.onChange, listeners.onStatus",
    );
    client.close();
  });
});
