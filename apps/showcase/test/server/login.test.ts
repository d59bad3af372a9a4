import { createHmac } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { next } from "../../../../packages/holdfast/test/support/app-server.js";
import { createTemporaryFolder } from "../../../../packages/holdfast/test/support/temporary-folder.js";
import { testTls } from "../../../../packages/holdfast/test/support/tls.js";
import { keysFileName } from "../../server/showcase.js";
import { codeOf, ShowcaseServer } from "./support/showcase-server.js";

function createFolder(): string {
  return createTemporaryFolder("showcase");
}

describe("login", () => {
  it("gives a cookie that scripts and other sites do not get, and says who one is", async () => {
    const server = await ShowcaseServer.start();
    const { status, body, setCookie = "" } = await server.post("/login", { name: "  Ann \n Lee " });
    expect([status, body.session.name]).toEqual([200, "Ann Lee"]);
    expect(setCookie).toMatch(/^holdfast_chat=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const cookie = setCookie.split(";")[0] as string;
    expect((await server.send("/me", { headers: { Cookie: cookie } })).body).toEqual(body);
    expect((await server.send("/me")).body).toEqual({ session: null });
    expect(server.errors).toEqual([]);
  });

  it.each([
    ["Ann", "Ann"],
    ["Ann Lee", "aNN  lee"],
    ["Ann", "Ａｎｎ"],
  ])("refuses a name that another has: %s, then %s", async (first, second) => {
    const server = await ShowcaseServer.start();
    await server.join(first);
    const { status, body, setCookie } = await server.post("/login", { name: second });
    expect([status, body, setCookie]).toEqual([
      409,
      { error: "Somebody else has that name at the moment." },
      undefined,
    ]);
  });

  it("gives one of two that ask for a name at the same time", async () => {
    const server = await ShowcaseServer.start();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => server.post("/login", { name: "Ann" })),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
  });

  it("keeps the person under a new name, and frees the old one", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const renamed = await server.post("/login", { name: "Annie" }, { Cookie: ann.cookie });
    expect(renamed.body).toEqual({ session: { user: ann.user, name: "Annie" } });
    expect((await server.send("/me", { headers: { Cookie: ann.cookie } })).body).toEqual({ session: null });
    const other = await server.join("Ann");
    expect(other.user).not.toBe(ann.user);
  });

  it("frees the name with a logout, which ends every window and the cookie's worth", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    await ann.client.ready(5000);
    const ended = next<{ code: number }>(ann.client, "disconnected");
    const { body, setCookie } = await server.post("/logout", {}, { Cookie: ann.cookie });
    expect([body, setCookie]).toEqual([{ session: null }, expect.stringContaining("Max-Age=0")]);
    expect(await ended).toMatchObject({ code: 4501, reason: "logged out" });
    const again = next<{ code: number }>(ann.client, "disconnected");
    ann.client.connect();
    expect(await again).toMatchObject({ code: 3501 });
    expect((await server.join("Ann")).user).not.toBe(ann.user);
  });

  it("has a cookie of its own for each ?as=NAME", async () => {
    const server = await ShowcaseServer.start();
    const names = ["Ann", "Bo"];
    const cookies = await Promise.all(
      names.map(async (name) => (await server.post(`/login?as=${name}`, { name })).setCookie?.split(";")[0]),
    );
    const headers = { Cookie: cookies.join("; ") };
    for (const name of names)
      expect((await server.send(`/me?as=${name}`, { headers })).body.session.name).toBe(name);
    expect((await server.send("/me", { headers })).body).toEqual({ session: null });
  });

  it("says Secure where the line is", async () => {
    const server = await ShowcaseServer.start({}, { tls: testTls });
    const { request } = await import("node:https");
    const setCookie = await new Promise<string>((resolve, reject) => {
      const port = server.server.address.port;
      const options = { port, path: "/login", method: "POST", rejectUnauthorized: false };
      const headers = { "Content-Type": "application/json" };
      request({ ...options, headers }, (response) => resolve(response.headers["set-cookie"]?.[0] ?? ""))
        .on("error", reject)
        .end('{"name":"Ann"}');
    });
    expect(setCookie).toMatch(/; Secure$/);
    const plain = await ShowcaseServer.start();
    const proxied = await plain.post("/login", { name: "Ann" }, { "X-Forwarded-Proto": "https" });
    expect(proxied.setCookie).toMatch(/; Secure$/);
  });

  it.each([
    ["no JSON", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{" }, 400],
    ["no name", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" }, 400],
    [
      "an empty name",
      { method: "POST", headers: { "Content-Type": "application/json" }, body: '{"name":" "}' },
      400,
    ],
    ["a body of a form, as other sites can send it", { method: "POST", body: '{"name":"Ann"}' }, 415],
    ["GET", {}, 405],
  ])("refuses %s", async (_what, init, status) => {
    const server = await ShowcaseServer.start();
    const reply = await server.send("/login", init);
    expect([reply.status, reply.setCookie]).toEqual([status, undefined]);
    expect(reply.body.error).toEqual(expect.any(String));
    expect(server.errors).toEqual([]);
  });

  it("refuses a long body without reading all of it", async () => {
    const server = await ShowcaseServer.start();
    expect((await server.post("/login", { name: "x".repeat(100_000) })).status).toBe(400);
  });
});

describe("connections", () => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const forge = (claims: object, key: string) => {
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
  };

  it("refuses a forged cookie, and one whose session is over", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    const exp = Math.floor(Date.now() / 1000) + 60;
    const claims = { sub: ann.user, aud: "holdfast-showcase", info: { name: "Ann" }, exp };
    const forged = forge(claims, "a secret that somebody has guessed wrongly");
    const [head, , signature] = (ann.cookie.split("=")[1] as string).split(".") as [string, string, string];
    const changed = `${head}.${part({ ...claims, sub: "another" })}.${signature}`;
    const unsigned = `${part({ alg: "none" })}.${part(claims)}.`;
    for (const token of ["x", forged, changed, unsigned]) {
      const client = server.connect({ Origin: server.url, Cookie: `holdfast_chat=${token}` });
      expect(await next(client, "disconnected"), token).toMatchObject({ code: 3501 });
    }
  });

  it("lets guests look at what is public, and write nowhere", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    await ann.say("chat:lobby", "hello");
    const guest = server.connect({ Origin: server.url });
    const { publications } = await guest.history("chat:lobby", { limit: 5 });
    expect(publications.map(({ data }) => (data as { text: string }).text)).toEqual(["hello"]);
    for (const name of ["canvas:harbour", "quotes:generated"])
      expect(await codeOf(guest.history(name, { limit: 1 })), name).toBe("accepted");
    for (const name of ["chat:lobby", "canvas:harbour", "cursors:harbour", "quotes:generated", "news"])
      expect(await codeOf(guest.publish(name, { text: "x" })), name).toBe(103);
    for (const name of ["news", "private:x", `notices:${ann.user}`, "names", "sanctions"])
      expect(await codeOf(guest.history(name, { limit: 1 })), name).not.toBe("accepted");
    for (const method of ["beginRound", "createRoom", "rooms", "notifyMe", "labOpen"])
      expect(await codeOf(guest.rpc(method, {})), method).toBe(103);
  });

  it("takes programs for tools by their key, wherever they connect from", async () => {
    const server = await ShowcaseServer.start();
    const tool = server.tool();
    await tool.publish("news", { hello: "world" });
    expect((await tool.history("news", { limit: 1 })).publications[0]?.data).toEqual({ hello: "world" });
    const publish = (headers: Record<string, string>) => server.post("/channels/news", 1, headers);
    expect((await publish({ Authorization: `Bearer ${server.programKey}` })).status).toBe(201);
    // A proxy on this machine brings everybody from a loopback address, and need not say so.
    expect((await publish({})).status).toBe(403);
    for (const headers of [{ "X-API-Key": "another" }, { Authorization: "Bearer another" }])
      expect((await publish(headers as Record<string, string>)).status).toBe(401);
    expect(await next(server.connect({ "X-API-Key": "another" }), "disconnected")).toMatchObject({
      code: 3501,
    });
    const stranger = server.connect({ "X-Forwarded-For": "127.0.0.1" });
    expect(await codeOf(stranger.publish("news", 1))).toBe(103);
  });

  it("ends a session with its time, and renews it before", async () => {
    let time = Date.now();
    const server = await ShowcaseServer.start({ now: () => time });
    const ann = await server.join("Ann");
    const me = () => server.send("/me", { headers: { Cookie: ann.cookie } });
    expect((await me()).setCookie).toBeUndefined();
    time += 2 * 24 * 3600 * 1000;
    expect((await me()).setCookie).toContain("Max-Age=2592000");
    time += 29 * 24 * 3600 * 1000;
    expect((await me()).body).toEqual({ session: null });
  });
});

describe("keys", () => {
  it("are made once and kept where only the owner reads them, so that sessions outlast a restart", async () => {
    const data = createFolder();
    const first = await ShowcaseServer.start({ data });
    const ann = await first.join("Ann");
    const file = join(data, keysFileName);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await first.server.close();
    const second = await ShowcaseServer.start({ data });
    expect(second.moderatorKey).toBe(first.moderatorKey);
    const { body } = await second.send("/me", { headers: { Cookie: ann.cookie } });
    expect(body.session).toEqual({ user: ann.user, name: "Ann" });
    expect((await second.post("/login", { name: "Ann" })).status).toBe(409);
  });

  it("are others for each server without a folder", async () => {
    const first = await ShowcaseServer.start();
    const ann = await first.join("Ann");
    const second = await ShowcaseServer.start();
    expect((await second.send("/me", { headers: { Cookie: ann.cookie } })).body).toEqual({ session: null });
    expect(second.moderatorKey).not.toBe(first.moderatorKey);
  });

  it("that are damaged keep the server from starting", async () => {
    const data = createFolder();
    writeFileSync(join(data, keysFileName), '{"sessionSecret":"short"}');
    await expect(ShowcaseServer.start({ data })).rejects.toThrow(
      /cannot be used: it does not contain the keys/,
    );
    expect(readFileSync(join(data, keysFileName), "utf8")).toBe('{"sessionSecret":"short"}');
  });

  it("of others are no keys of the interface", async () => {
    const server = await ShowcaseServer.start();
    expect((await server.api("info", {}, null)).status).toBe(401);
    expect((await server.api("info", {}, "not the moderators' key at all")).status).toBe(401);
  });
});

describe("what the application keeps", () => {
  it.each(["names", "sanctions", "room-settings", "members:x", "memberships:x", "private:x:y"])(
    "in %s is for no client",
    async (channel) => {
      const server = await ShowcaseServer.start();
      const ann = await server.join("Ann");
      for (const client of [server.tool(), ann.client]) {
        expect(await codeOf(client.history(channel, { limit: 1 }))).toBe(103);
        expect(await codeOf(client.presence(channel))).not.toBe("accepted");
        expect(await codeOf(client.publish(channel, 1))).not.toBe("accepted");
        const subscription = client.newSubscription(channel);
        subscription.subscribe();
        expect(await codeOf(subscription.ready(5000))).not.toBe("accepted");
        expect(subscription.state).toBe("unsubscribed");
      }
    },
  );

  it("is beside open channels, which are for tools and for nobody with a name", async () => {
    const server = await ShowcaseServer.start();
    const ann = await server.join("Ann");
    expect(await codeOf(ann.client.history("news", { limit: 1 }))).toBe(103);
    expect(await codeOf(ann.client.publish("news", 1))).toBe(103);
  });
});
