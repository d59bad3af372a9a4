import { describe, expect, it } from "vitest";
import type { ClusterAnswer, ClusterCommand } from "../../src/channels/cluster.js";
import { openRules } from "../../src/channels/rules.js";
import { HoldfastError } from "../../src/errors.js";
import { Meters } from "../../src/observe/meters.js";
import type { SessionContext } from "../../src/sessions/context.js";
import { Control } from "../../src/sessions/control.js";
import { noRecorder } from "../../src/sessions/recorder.js";
import { createSessionNode } from "./support/session-node.js";

/** A control of a server on whose cluster a test decides. */
function controlOver(send: (command: ClusterCommand) => Promise<ClusterAnswer>): Control {
  const policy = { rules: openRules, may: () => true, poll: { hasVersions: false } };
  const context = {
    broker: { cluster: { send } },
    application: { policyFor: () => policy },
    meters: new Meters(),
    recorder: noRecorder,
  };
  return new Control(context as unknown as SessionContext);
}

describe("the server's commands to sessions", () => {
  it("reach this node's sessions at once", async () => {
    const { connect, control } = await createSessionNode();
    const [ann, other] = [await connect("ann"), await connect("bob")];
    void control.send({ user: "ann" }, "1");
    void control.disconnect({ user: "ann" });
    expect(ann.closeCodes).toEqual([3503]);
    expect(other.closeCodes).toEqual([]);
    expect(ann.transport.writes.flat().join("\n")).toContain('{"push":{"message":{"data":1}}}');
  });

  it("return the first failure of a node", async () => {
    const error = { code: 106, message: "limit exceeded", isTemporary: false };
    const control = controlOver(async () => ({
      outcomes: new Map([
        ["a", {}],
        ["b", { error }],
      ]),
      silent: [],
    }));
    expect(await control.subscribe("news", { user: "ann" })).toEqual(error);
  });

  it("name the nodes that did not answer", async () => {
    const control = controlOver(async () => ({ outcomes: new Map([["a", {}]]), silent: ["b", "c"] }));
    expect(await control.unsubscribe({ user: "ann" })).toMatchObject({
      code: 100,
      message: "internal server error: no answer from nodes b, c",
      isTemporary: true,
    });
  });

  it("name them also where publications and values go to the readers of the moment", async () => {
    const control = controlOver(async () => ({ outcomes: new Map([["a", {}]]), silent: ["b"] }));
    const noAnswer = { code: 100, message: "internal server error: no answer from nodes b" };
    expect(await control.publish({ channel: "news", data: "1", skipsHistory: true })).toMatchObject(noAnswer);
    expect(await control.publishPolled("news", { key: "a", data: "1" })).toMatchObject(noAnswer);
  });

  it("are sent as plain data, with only user and client of the target", async () => {
    const sent: ClusterCommand[] = [];
    const control = controlOver(async (command) => {
      sent.push(command);
      return { outcomes: new Map(), silent: [] };
    });
    const target = { user: "ann", client: "c", more: () => {} };
    await control.refresh(target, { expiresAt: 5 });
    expect(sent).toEqual([
      { kind: "refresh", target: { user: "ann", client: "c" }, isExpired: false, expiresAt: 5 },
    ]);
  });

  it("have no effect on a closed server", async () => {
    const control = controlOver(async () => {
      throw new HoldfastError("HF_BROKER_CLOSED");
    });
    expect(await control.disconnect({ user: "ann" })).toBeUndefined();
  });
});

describe("what only nodes know", () => {
  it("adds up the subscribers of channels, and names the nodes that did not answer", async () => {
    const outcomes = new Map([
      ["a", { data: { news: 2, sport: 1 } }],
      ["b", { data: { news: 3 } }],
    ]);
    const answer = { outcomes, silent: [] as string[] };
    const sent: ClusterCommand[] = [];
    const control = controlOver(async (command) => {
      sent.push(command);
      return answer;
    });
    expect(await control.channels("n*")).toEqual([
      { name: "news", numClients: 5 },
      { name: "sport", numClients: 1 },
    ]);
    expect(sent).toEqual([{ kind: "channels", pattern: "n*" }]);
    answer.silent = ["c"];
    expect(await control.channels()).toMatchObject({
      code: 100,
      message: expect.stringContaining("nodes c"),
    });
  });

  it("lists this node's channels by a pattern", async () => {
    const { connect, control } = await createSessionNode();
    const ann = await connect("ann");
    for (const [id, channel] of ["news", "sport"].entries())
      await ann.ask({ id: id + 2, subscribe: { channel } });
    expect(await control.channels("s?ort")).toEqual([{ name: "sport", numClients: 1 }]);
    expect(await control.channels()).toHaveLength(2);
  });

  it("reports statistics of the nodes that answered, and lists the others", async () => {
    const stats = { connections: 1, users: 1, subscriptions: 0, channels: 0, uptimeSeconds: 5 };
    const node = (id: string) => ({ id, name: `host:${id}`, version: "1.0.0", startedAt: 0 });
    const context = {
      broker: {
        cluster: {
          nodes: async () => [node("a"), node("b")],
          send: async () => ({ outcomes: new Map([["a", { data: stats }]]), silent: ["b"] }),
        },
      },
    };
    const control = new Control(context as unknown as SessionContext);
    expect(await control.nodes()).toEqual({ nodes: [{ ...node("a"), stats }], silent: [node("b")] });
  });
});
