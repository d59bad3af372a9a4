/** Who is at a board: the server's list, kept up to date by who comes and goes. One person may have several windows. */
import type { ClientInfo } from "@holdfast/client";

export interface PersonHere {
  readonly user: string;
  readonly name: string;
}

const maxClients = 1000;

export class People {
  readonly #clients = new Map<string, PersonHere>();
  /** Who has come or gone while the list was on its way. */
  #meanwhile: Map<string, ClientInfo | undefined> | undefined;

  get list(): readonly PersonHere[] {
    const byUser = new Map([...this.#clients.values()].map((person) => [person.user, person]));
    return [...byUser.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** A list was asked for. It may be older than what comes before it does. */
  expect(): void {
    this.#meanwhile = new Map();
  }

  receive(list: readonly ClientInfo[]): void {
    const meanwhile = this.#meanwhile ?? new Map<string, ClientInfo | undefined>();
    this.#meanwhile = undefined;
    this.#clients.clear();
    for (const info of list) this.join(info);
    for (const [client, info] of meanwhile) {
      if (info) this.join(info);
      else this.leave(client);
    }
  }

  join(info: ClientInfo): void {
    this.#meanwhile?.set(info.client, info);
    const { name } = (info.connInfo ?? {}) as { readonly name?: string };
    if (this.#clients.size < maxClients)
      this.#clients.set(info.client, { user: info.user, name: name ?? "someone" });
  }

  leave(client: string): void {
    this.#meanwhile?.set(client, undefined);
    this.#clients.delete(client);
  }
}
