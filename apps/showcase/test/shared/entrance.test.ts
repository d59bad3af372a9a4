import { describe, expect, it } from "vitest";
import {
  type Account,
  Entrance,
  type EntranceAnswer,
  type EntranceLink,
} from "../../shared/session/entrance.js";
import { PageStorage } from "../../shared/session/storage.js";
import { MemoryStorage } from "./memory-storage.js";

const ann: Account = { user: "u1", name: "Ann" };

/** A server that knows one session, and refuses names that are taken. */
class FakeLink implements EntranceLink {
  session: Account | null = null;
  taken = new Set<string>();
  failure: EntranceAnswer | Error | undefined;
  readonly names: string[] = [];

  async me(): Promise<EntranceAnswer> {
    if (this.failure instanceof Error) throw this.failure;
    return this.failure ?? { account: this.session };
  }

  async logIn(name: string): Promise<EntranceAnswer> {
    this.names.push(name);
    if (this.failure instanceof Error) throw this.failure;
    if (this.taken.has(name)) return { problem: "Somebody else has that name at the moment." };
    this.session = { user: this.session?.user ?? "u2", name };
    return { account: this.session };
  }

  async logOut(): Promise<void> {
    if (this.failure instanceof Error) throw this.failure;
    this.session = null;
  }
}

function arrive({ link = new FakeLink(), area = new MemoryStorage(), search = "" } = {}) {
  const storage = new PageStorage(area, "");
  const entrance = new Entrance({ link, storage, search, onChange: () => {} });
  return { link, area, storage, entrance };
}

describe("entrance", () => {
  it("lets in whom the server knows", async () => {
    const { link, entrance } = arrive();
    link.session = ann;
    expect(entrance.current).toEqual({ state: "asking" });
    await entrance.open();
    expect(entrance.current).toEqual({ state: "inside", account: ann });
  });

  it("asks others for a name, and says when that is taken or none", async () => {
    const { link, entrance } = arrive();
    await entrance.open();
    expect(entrance.current).toEqual({ state: "outside", problem: undefined });
    link.taken.add("Bo");
    expect(await entrance.logIn("Bo")).toMatch(/has that name/);
    expect(await entrance.logIn(" ")).toBe("Please enter a name.");
    expect(entrance.current.state).toBe("outside");
    expect(await entrance.logIn("  Cy ")).toBeUndefined();
    expect([entrance.current, entrance.lastName]).toEqual([
      { state: "inside", account: { user: "u2", name: "Cy" } },
      "Cy",
    ]);
    expect(link.names).toEqual(["Bo", "Cy"]);
  });

  it("logs in at once where the address has a name, under the one chosen last", async () => {
    const first = arrive({ search: "?as=Ann" });
    await first.entrance.open();
    expect(first.link.names).toEqual(["Ann"]);
    await first.entrance.logIn("Annie");
    const second = arrive({ search: "?as=Ann", area: first.area });
    await second.entrance.open();
    expect(second.link.names).toEqual(["Annie"]);
  });

  it("stays inside when another name is not to be had", async () => {
    const { link, entrance } = arrive();
    link.session = ann;
    await entrance.open();
    link.taken.add("Bo");
    expect(await entrance.logIn("Bo")).toMatch(/has that name/);
    expect(entrance.current).toEqual({ state: "inside", account: ann });
  });

  it("takes the same name again from a server that has forgotten it, and says when it is another's now", async () => {
    const { link, entrance } = arrive();
    link.session = ann;
    await entrance.open();
    link.session = null;
    await entrance.returnTo(ann);
    expect(entrance.current).toEqual({ state: "inside", account: { user: "u2", name: "Ann" } });
    link.session = null;
    link.taken.add("Ann");
    entrance.leave();
    await entrance.returnTo(ann);
    expect(entrance.current).toMatchObject({
      state: "outside",
      problem: expect.stringMatching(/has that name/),
    });
  });

  it("forgets what it kept with a logout, and only when the server has heard of it", async () => {
    const { link, area, storage, entrance } = arrive();
    link.session = ann;
    await entrance.open();
    storage.write("outbox/m1", { text: "not sent" });
    link.failure = new Error("no network");
    await entrance.logOut();
    expect([entrance.current.state, storage.keys("outbox/")]).toEqual(["inside", ["outbox/m1"]]);
    link.failure = undefined;
    await entrance.logOut();
    expect([entrance.current.state, [...area.values]]).toEqual(["outside", []]);
  });

  it.each([
    [{ missing: true } as const, "absent"],
    [{ problem: "The server answers with 500." }, "unreachable"],
    [new Error("no network"), "unreachable"],
  ])("says what is the matter: %o", async (failure, state) => {
    const { link, entrance } = arrive();
    link.failure = failure;
    await entrance.open();
    expect(entrance.current.state).toBe(state);
  });
});
