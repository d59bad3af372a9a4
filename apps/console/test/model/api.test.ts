import { describe, expect, it } from "vitest";
import { Access } from "../../model/access.js";
import { Api, ApiProblem } from "../../model/api.js";

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
}

/** A server that answers each request with the next of these; the last one again and again. */
function serverOf(...answers: (Response | Error)[]) {
  const sent: Sent[] = [];
  const send = async (url: string, init: RequestInit) => {
    const answer = answers[Math.min(sent.length, answers.length - 1)];
    sent.push({ url, init });
    if (answer instanceof Error) throw answer;
    return (answer as Response).clone();
  };
  return { sent, fetch: send as unknown as typeof fetch };
}

const json = (body: object, init?: ResponseInit) => new Response(JSON.stringify(body), init);
const key = "a key of the console's tests";

function createApi(...answers: (Response | Error)[]) {
  const server = serverOf(...answers);
  const problems: (string | undefined)[] = [];
  const onCalled = (problem: ApiProblem | undefined) => void problems.push(problem?.kind);
  return { ...server, problems, api: new Api({ key, base: "../api/", fetch: server.fetch, onCalled }) };
}

async function problemOf(pending: Promise<unknown>): Promise<ApiProblem> {
  const error = await pending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiProblem) return error;
  throw new Error(`no problem: ${String(error)}`);
}

describe("calls of the API", () => {
  it("have the key in a header, and never in the address or the body", async () => {
    const { api, sent } = createApi(json({ result: { nodes: [] } }));
    expect(await api.call("info", { a: 1 })).toEqual({ nodes: [] });
    const [{ url, init }] = sent as [Sent];
    expect(url).toBe("../api/info");
    expect(init.headers).toMatchObject({ "X-API-Key": key });
    expect([init.method, init.body, init.cache]).toEqual(["POST", '{"a":1}', "no-store"]);
  });

  it.each([
    [
      "a key that is unknown",
      json({ error: { code: 401, message: "x" } }, { status: 401 }),
      "key",
      /does not know this key/,
    ],
    ["too many wrong keys", json({}, { status: 429, headers: { "Retry-After": "9" } }), "wait", /in 9 s/],
    [
      "an error of the method",
      json({ error: { code: 103, message: "permission denied" } }),
      "refused",
      /^Permission denied\.$/,
    ],
    ["no network", new TypeError("failed"), "unreachable", /cannot be reached/],
    ["a proxy's page", new Response("<html>", { status: 502 }), "unreachable", /answered 502/],
  ])("say what is wrong: %s", async (_, answer, kind, message) => {
    const { api, problems } = createApi(answer);
    const problem = await problemOf(api.call("info"));
    expect([problem.kind, problem.message]).toEqual([kind, expect.stringMatching(message)]);
    expect(problems).toEqual([kind]);
  });

  it("that are ended by whoever asked are no problem of the server", async () => {
    const { api, problems } = createApi(new DOMException("ended", "AbortError"));
    const ended = AbortSignal.abort();
    await expect(api.call("info", {}, ended)).rejects.toThrow("ended");
    expect(problems).toEqual([]);
  });
});

function createAccess(...answers: (Response | Error)[]) {
  const kept = new Map<string, unknown>();
  const store = {
    read: (name: string) => kept.get(name),
    write: (name: string, value: unknown) => void kept.set(name, value),
    remove: (name: string) => void kept.delete(name),
  };
  const access = new Access({ base: "../api/", fetch: serverOf(...answers).fetch, store });
  return { access, kept };
}

const known = json({ result: { name: "ops", scope: "publish" } });
const unknown = json({}, { status: 401 });

describe("access", () => {
  it("keeps a key that the server knows, with what it may do", async () => {
    const { access, kept } = createAccess(known);
    await access.enter(key);
    expect(access.current).toMatchObject({ state: "inside", name: "ops", scope: "publish" });
    expect([access.may("publish"), access.may("admin")]).toEqual([true, false]);
    expect([...kept.values()]).toEqual([key]);
  });

  it("does not keep one that it does not know, and says so", async () => {
    const { access, kept } = createAccess(unknown);
    await access.enter(key);
    expect(access.current).toEqual({ state: "outside", problem: "The server does not know this key." });
    expect(kept.size).toBe(0);
    expect(access.may("read")).toBe(false);
  });

  it("begins with the key of this tab, and keeps it while the server is away", async () => {
    const { access, kept } = createAccess(new TypeError("away"), known);
    kept.set("key", key);
    await access.open();
    expect(access.current).toMatchObject({ state: "outside", problem: expect.stringMatching(/reached/) });
    expect(kept.size).toBe(1);
    await access.open();
    expect(access.current.state).toBe("inside");
  });

  it("ends when the key is no longer known, and knows whether the server can be reached", async () => {
    const { access, kept } = createAccess(known, new TypeError("away"), known, unknown);
    await access.enter(key);
    const { current } = access;
    if (current.state !== "inside") throw new Error("outside");
    let changes = 0;
    access.onChange(() => changes++);
    await problemOf(current.api.call("info"));
    expect([access.isReachable, access.current.state, changes]).toEqual([false, "inside", 1]);
    await current.api.call("info");
    expect([access.isReachable, changes]).toEqual([true, 2]);
    await problemOf(current.api.call("info"));
    expect(access.current).toEqual({ state: "outside", problem: "The server no longer knows your key." });
    expect(kept.size).toBe(0);
  });

  it("forgets the key of somebody who leaves", async () => {
    const { access, kept } = createAccess(known);
    await access.enter(key);
    access.leave();
    expect([access.current, kept.size]).toEqual([{ state: "outside" }, 0]);
  });
});
