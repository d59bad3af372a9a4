import { Centrifuge } from "centrifuge";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { codeOf, ShowcaseServer } from "../../server/support/showcase-server.js";

function connectGuest(served: ShowcaseServer, headers: Record<string, string> = {}): Centrifuge {
  const url = `${served.url.replace("http", "ws")}/connection/websocket?guest=only`;
  class WithHeaders extends WsWebSocket {
    constructor(address: string) {
      super(address, { headers });
    }
  }
  const client = new Centrifuge(url, { websocket: WithHeaders });
  onTestFinished(() => client.disconnect());
  client.connect();
  return client;
}

describe("a guest of the playground", () => {
  it("publishes and reads in its channels, and asks for an echo", async () => {
    const served = await ShowcaseServer.start();
    const guest = connectGuest(served);
    await guest.publish("play-stream:a", { text: "hello" });
    const { publications } = await guest.history("play-stream:a", { limit: 5 });
    expect(publications.map(({ data }) => data)).toEqual([{ text: "hello" }]);
    expect((await guest.rpc("playEcho", [1])).data).toMatchObject({ echo: [1] });
  });

  it("is refused what is too large or too fast", async () => {
    const served = await ShowcaseServer.start({ now: () => 1000 });
    const guest = connectGuest(served);
    expect(await codeOf(guest.publish("play-live:a", "x".repeat(5000)))).toBe(413);
    const codes = [];
    for (let count = 0; count < 45; count++) codes.push(await codeOf(guest.publish("play-live:a", count)));
    expect(codes.filter((code) => code === "accepted").length).toBeLessThanOrEqual(40);
    expect(codes.at(-1)).toBe(429);
  });

  it("reaches nothing that belongs to somebody, whatever cookies come along", async () => {
    const served = await ShowcaseServer.start();
    const login = await served.post("/login", { name: "Ann" });
    const cookie = login.setCookie?.split(";")[0] ?? "";
    expect(cookie).toContain("holdfast_chat=");
    const guest = connectGuest(served, { Cookie: cookie });
    const { user } = login.body.session;
    expect(await codeOf(guest.publish("chat:lobby", { id: "1", text: "as Ann" }))).toBe(103);
    expect(await codeOf(guest.history(`notices:${user}`, { limit: 1 }))).toBe(103);
    expect(await codeOf(guest.rpc("createRoom", { title: "x" }))).toBe(103);
    expect(await codeOf(guest.publish("anything", 1))).toBe(103);
  });
});

describe("the sandbox", () => {
  it("has a policy that leaves code nothing but the port, and a new nonce each time", async () => {
    const served = await ShowcaseServer.start();
    const [first, second] = await Promise.all([1, 2].map(() => fetch(`${served.url}/play/sandbox`)));
    const policy = first?.headers.get("content-security-policy") ?? "";
    const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? "none";
    expect(policy.split(/[;,] /)).toEqual([
      "sandbox allow-scripts",
      "default-src 'none'",
      `script-src 'nonce-${nonce}'`,
      "style-src 'unsafe-inline'",
      "img-src data:",
      "form-action 'none'",
      "base-uri 'none'",
      "frame-ancestors 'self'",
      "script-src 'self' blob:",
    ]);
    expect(await first?.text()).toContain(`nonce="${nonce}"`);
    expect(second?.headers.get("content-security-policy")).not.toBe(policy);
  });
});
