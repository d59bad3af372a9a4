import { describe, expect, it } from "vitest";
import type { ChannelAction, Policy } from "../../src/sessions/application.js";
import { denialOf } from "../../src/sessions/denials.js";

function policyOf(rule: string): Policy {
  const allow = { subscribe: rule, publish: rule, presence: rule, history: rule };
  return { described: { pattern: "chat:{room}", allow, hooks: [] } } as unknown as Policy;
}

const actorOf = (user: string) => ({ user, client: "c", roles: [] });
const say = (rule: string, user = "ann", isSubscribed = false, action: ChannelAction = "history") =>
  denialOf(policyOf(rule), action, actorOf(user), isSubscribed).message;

describe("what a client is told of a denial", () => {
  it("names pattern, rule and what the connection lacks", () => {
    expect(say("subscribers")).toBe(
      "permission denied: channel pattern chat:{room} allows history to subscribers; this connection is not subscribed",
    );
    expect(say("only the server", "ann", true, "publish")).toBe(
      "permission denied: channel pattern chat:{room} allows publish to only the server",
    );
  });

  it("keeps the pattern from anonymous clients", () => {
    expect(say("users", "")).toBe(
      "permission denied: this channel allows history to users; this connection is anonymous",
    );
  });

  it("keeps the names of roles from every client", () => {
    expect(say("subscribers, role superusers, role b")).toBe(
      "permission denied: channel pattern chat:{room} allows history to subscribers, certain roles; this connection is not subscribed and has none of these roles",
    );
    expect(say("role superusers", "")).not.toMatch(/superusers|chat|anonymous/);
  });

  it("says no more where the rules have no words", () => {
    expect(denialOf({} as Policy, "history", actorOf("ann"), false).message).toBe("permission denied");
  });
});
