import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { channel, createServer, defineApp, jwt, signToken } from "../../holdfast/src/index.js";
import { secret } from "../../holdfast/test/support/app-server.js";
import { connect } from "../src/node.js";
import { toSdkToken } from "../src/options.js";

const patience = { timeout: 5000 };
const app = defineApp({
  authenticate: jwt({ secret }),
  channels: {
    news: channel({}),
    private: channel({ allow: { subscribe: false } }),
    board: channel({ kind: "map", allow: { subscribe: false } }),
  },
});

/** Answers with a proxy's page at first, and with a token once its server is back. */
async function startTokenRoute() {
  let isAway = true;
  const http = createHttp(async (request, response) => {
    const name = new URL(request.url ?? "/", "http://x").searchParams.get("channel");
    if (isAway)
      response.writeHead(502, { "Content-Type": "text/html" }).end("<html><h1>502 Bad Gateway</h1></html>");
    else response.end(await signToken({ secret }, { sub: "ann", ...(name && { channel: name }) }));
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  onTestFinished(() => void http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/token`;
  return {
    /** As it is written first, without a look at the status. */
    ask: vi.fn((query = "") => fetch(url + query).then((answer) => answer.text())),
    comeBack() {
      isAway = false;
    },
  };
}

async function startServer() {
  const server = createServer(app, { port: 0, pages: null, audit: false });
  onTestFinished(() => server.close());
  return (await server.listen()).url;
}

function join(url: string, token: () => Promise<string>, errors: unknown[] = []) {
  const client = connect<typeof app>(url, {
    token,
    minReconnectDelayMs: 10,
    maxReconnectDelayMs: 50,
    onError: (error) => void errors.push(error),
  });
  onTestFinished(() => client.close());
  client.connect();
  return client;
}

describe("a token function that fails", () => {
  it("that returns the page of a proxy is called again until it returns a token", async () => {
    const url = await startServer();
    const { ask, comeBack } = await startTokenRoute();
    const errors: unknown[] = [];
    const client = join(url, () => ask(), errors);
    await vi.waitFor(() => expect(ask.mock.calls.length).toBeGreaterThan(2), patience);
    expect(client.status.state).toBe("connecting");
    expect(JSON.stringify(errors)).toContain("a page or JSON");
    comeBack();
    await client.ready();
  });

  it.each([
    ["throws", () => Promise.reject(new Error("no network"))],
    ["gives nothing", () => Promise.resolve(undefined as never)],
    ["gives JSON", () => Promise.resolve('{"error":"bad gateway"}')],
  ])("that %s, is asked again", async (_, fail) => {
    const url = await startServer();
    const token = vi.fn(fail as () => Promise<string>).mockName("token");
    const client = join(url, token);
    await vi.waitFor(() => expect(token.mock.calls.length).toBeGreaterThan(2), patience);
    expect(client.status.state).toBe("connecting");
    token.mockImplementation(() => signToken({ secret }, { sub: "ann" }));
    await client.ready();
  });

  it("for a channel or a map, is asked again, too", async () => {
    const url = await startServer();
    const { ask, comeBack } = await startTokenRoute();
    const client = join(url, () => signToken({ secret }, { sub: "ann" }));
    const states: string[] = [];
    const status = ({ state }: { state: string }) => void states.push(state);
    client.channel("private").subscribe({ onStatus: status }, { token: () => ask("?channel=private") });
    client.map("board").subscribe({ onStatus: status }, { token: () => ask("?channel=board") });
    await vi.waitFor(() => expect(ask).toHaveBeenCalledTimes(2), patience);
    comeBack();
    await vi.waitFor(
      () => expect(states.filter((state) => state === "subscribed")).toHaveLength(2),
      patience,
    );
    expect(states).not.toContain("unsubscribed");
  });

  it("ends the connection for good with an empty string, for a user who is not logged in", async () => {
    const url = await startServer();
    const client = join(url, async () => "");
    await expect(client.ready()).rejects.toMatchObject({ code: "HF_REQUEST_REFUSED" });
  });
});

describe("tokens of a function", () => {
  it.each(["a.b.c", "1|laravel", "opaque:text", "x=", " padded\n"])(
    "may be %j, without the space around it",
    async (text) => {
      expect(await toSdkToken(() => text).getToken?.()).toBe(text.trim());
    },
  );
});
