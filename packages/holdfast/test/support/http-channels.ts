/** Channels over plain HTTP, as a client without an SDK asks for them. */
import { expect } from "vitest";
import type { Answer } from "./app-server.js";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Answer;
}

/** @param http address of the server, such as http://127.0.0.1:8000 */
export function channelAt(http: string, channel: string, always: Record<string, string> = {}) {
  const address = `${http}/channels/${encodeURIComponent(channel)}`;
  const ask = async (query: string, init: RequestInit = {}): Promise<HttpAnswer> => {
    const headers = { ...always, ...(init.headers as Record<string, string>) };
    const response = await fetch(query === "" ? address : `${address}?${query}`, { ...init, headers });
    const text = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: text === "" ? undefined : JSON.parse(text),
    };
  };
  return {
    address,
    ask,
    get: (query = "", headers: Record<string, string> = {}) => ask(query, { headers }),
    /** @param raw instead of the data as JSON */
    post: (
      data: unknown,
      {
        query = "",
        headers = {} as Record<string, string>,
        raw = undefined as string | Uint8Array | undefined,
      } = {},
    ) =>
      ask(query, {
        method: "POST",
        body: (raw as string | undefined) ?? JSON.stringify(data),
        headers: { "Content-Type": "application/json", ...headers },
      }),
    remove: (query: string, headers: Record<string, string> = {}) =>
      ask(query, { method: "DELETE", headers }),
  };
}

export type HttpChannel = ReturnType<typeof channelAt>;

/** Where the log ends now, as a reader writes it. */
export async function positionOf(channel: HttpChannel): Promise<string> {
  const { status, body } = await channel.get("limit=0");
  expect(status).toBe(200);
  return sinceOf(body);
}

export function sinceOf({ epoch, offset }: { readonly epoch: string; readonly offset: number }): string {
  return `since=${epoch}:${offset}`;
}

export function dataOf({ publications }: { readonly publications: readonly { data: unknown }[] }): unknown[] {
  return publications.map(({ data }) => data);
}
