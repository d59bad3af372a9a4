import { describe, expect, it } from "vitest";
import type { ClusterAnswer, ClusterCommand } from "../../src/channels/cluster.js";
import { openRules } from "../../src/channels/rules.js";
import { HoldfastError } from "../../src/errors.js";
import type { SessionContext } from "../../src/sessions/context.js";
import { Control } from "../../src/sessions/control.js";
import { createSessionNode } from "./support/session-node.js";

/** A control of a server on whose cluster a test decides. */
function controlOver(send: (command: ClusterCommand) => Promise<ClusterAnswer>): Control {
  const policy = { rules: openRules, may: () => true };
  const context = { broker: { cluster: { send } }, application: { policyFor: () => policy } };
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
