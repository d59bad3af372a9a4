/** The connections of this server, for the picture of them: who has come and gone, told at most four times a second. */
import type { User } from "holdfast";
import { isConnected, isTool } from "../../server/sessions.js";
import type { Crowd, CrowdMember } from "../trace-types.js";

export interface CrowdOptions {
  readonly publish: (crowd: Crowd) => void;
  /** Runs a task after a time; the process may end meanwhile. */
  readonly later: (delayMs: number, task: () => void) => void;
}

const tellAfterMs = 250;
const maxMembers = 120;

export class CrowdWatch {
  readonly #options: CrowdOptions;
  /** By connection, oldest first. As many as the server takes connections. */
  readonly #members = new Map<string, { readonly member: CrowdMember; readonly user: string }>();
  #isDue = false;

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  get current(): Crowd {
    const all = [...this.#members.values()];
    const named = all.filter(({ user }) => user !== "");
    return {
      connections: all.length,
      users: new Set(named.map(({ user }) => user)).size,
      members: all.slice(-maxMembers).map(({ member }) => member),
    };
  }

  arrive(user: User): void {
    if (!isConnected(user)) return;
    const { name } = (user.info ?? {}) as { readonly name?: string };
    const kind = isTool(user) ? "program" : user.id === "" ? "guest" : "person";
    const member = { id: user.client.slice(0, 8), kind, ...(name !== undefined && { name }) } as const;
    this.#members.set(user.client, { member, user: user.id });
    this.#tellSoon();
  }

  leave({ client }: User): void {
    if (this.#members.delete(client)) this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#options.later(tellAfterMs, () => {
      this.#isDue = false;
      this.#options.publish(this.current);
    });
  }
}
