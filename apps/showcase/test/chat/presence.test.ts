import { describe, expect, it } from "vitest";
import { Presence } from "../../chat/model/presence.js";

const client = (id: string, user: string, name?: string) => ({
  ...{ client: id, user },
  ...(name === undefined ? {} : { connInfo: { name } }),
});

describe("presence", () => {
  it("counts the windows of each person, and puts oneself first", () => {
    const presence = new Presence();
    presence.receiveList({ c1: client("c1", "bo", "Bo"), c2: client("c2", "ann", "Ann") });
    presence.receiveJoin(client("c3", "bo", "Bo"));
    expect(presence.people("bo").map(({ name, windows }) => [name, windows])).toEqual([
      ["Bo", 2],
      ["Ann", 1],
    ]);
    presence.receiveLeave(client("c1", "bo", "Bo"));
    presence.receiveLeave(client("c2", "ann", "Ann"));
    expect(presence.people("x").map(({ name, windows }) => [name, windows])).toEqual([["Bo", 1]]);
  });

  it("applies joins and leaves that overtake the list", () => {
    const presence = new Presence();
    presence.expectList();
    presence.receiveJoin(client("c2", "bo", "Bo"));
    presence.receiveLeave(client("c1", "ann", "Ann"));
    presence.receiveList({ c1: client("c1", "ann", "Ann") });
    expect(presence.people("").map(({ name }) => name)).toEqual(["Bo"]);
  });

  it("forgets who left while nobody listened", () => {
    const presence = new Presence();
    presence.receiveJoin(client("c1", "ann", "Ann"));
    presence.expectList();
    presence.receiveList({ c2: client("c2", "bo", "Bo") });
    expect(presence.people("").map(({ name }) => name)).toEqual(["Bo"]);
  });

  it("counts a client once that joins twice, and calls a person by the newest name", () => {
    const presence = new Presence();
    for (const id of ["c1", "c2"]) presence.receiveJoin(client(id, "ann", "Ann"));
    presence.receiveJoin(client("c1", "ann", "Annie"));
    expect(presence.people("")).toMatchObject([{ name: "Annie", windows: 2 }]);
  });

  it("holds clients without a user id for different people", () => {
    const presence = new Presence();
    for (const id of ["c1", "c2"]) presence.receiveJoin(client(id, ""));
    expect(presence.people("")).toHaveLength(2);
  });
});
