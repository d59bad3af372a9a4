/** Publishing, reading and following a channel with an API key, for servers whose rules let no client of ours do it. */
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError, type Position } from "../index.js";
import { elementTexts, memberTexts, RawJson, textAt } from "../wire/payload.js";
import { type ApiOptions, ApiUnreachable, callApiForText } from "./api-client.js";
import { writeNote } from "./terminal.js";

export interface ApiPublication {
  readonly offset: number;
  readonly data: RawJson;
  readonly info?: { readonly user: string; readonly connInfo?: unknown };
  readonly tags?: Readonly<Record<string, string>>;
}

export interface ApiPage {
  readonly publications: readonly ApiPublication[];
  readonly position: Position;
}

const retryDelayMs = 1000;
const followDelayMs = 1000;

/** Publishes until it is acknowledged. @throws HF_CLI_CONNECTION when the server refuses */
export async function publishByApi(
  options: ApiOptions,
  channel: string,
  data: RawJson | string,
  idempotencyKey: string,
): Promise<void> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      await callApiForText(options, "publish", { channel, data, idempotency_key: idempotencyKey });
      return;
    } catch (error) {
      if (!isTemporary(error)) throw error;
      if (isFirst) writeNote(`holdfast: waiting; ${(error as Error).message}`);
      await delay(retryDelayMs);
    }
  }
}

export async function readByApi(
  options: ApiOptions,
  channel: string,
  query: { readonly limit: number; readonly reverse?: boolean; readonly since?: Position },
): Promise<ApiPage> {
  const text = await callApiForText(options, "history", { channel, ...query });
  const { result } = JSON.parse(text);
  const texts = elementTexts(textAt(text, ["result", "publications"]) ?? "[]");
  return {
    position: { epoch: result.epoch, offset: result.offset },
    publications: result.publications.map(
      ({ offset, tags, info }: { offset: number; tags?: object; info?: { user: string } }, i: number) => {
        const connInfo = textAt(texts[i] ?? "{}", ["info", "conn_info"]);
        return {
          offset,
          data: new RawJson(memberTexts(texts[i] ?? "{}").get("data") ?? "null"),
          ...(info && {
            info: { user: info.user, ...(connInfo !== undefined && { connInfo: new RawJson(connInfo) }) },
          }),
          ...(tags && { tags }),
        };
      },
    ),
  };
}

/** Asks for what is new once a second, since the API has no streams. @param since undefined for the end of the log */
export async function* followByApi(
  options: ApiOptions,
  channel: string,
  since: Position | undefined,
): AsyncGenerator<ApiPublication> {
  let position = since ?? (await readByApi(options, channel, { limit: 0 })).position;
  for (;;) {
    const page = await orUndefined(readByApi(options, channel, { limit: -1, since: position }));
    if (page === "another epoch") {
      noteLost(channel);
      position = beginning;
      continue;
    }
    if (page) {
      const { publications } = page;
      const first = publications[0]?.offset ?? position.offset + 1;
      if (first > position.offset + 1 && position.offset > 0) noteLost(channel);
      yield* publications;
      position = { epoch: page.position.epoch, offset: publications.at(-1)?.offset ?? page.position.offset };
      if (publications.length > 0) continue;
    }
    await delay(followDelayMs);
  }
}

const beginning: Position = Object.freeze({ epoch: "", offset: 0 });
/** What the server answers if the log has started afresh since. */
const unrecoverablePosition = 112;

function noteLost(channel: string): void {
  writeNote(`holdfast: some publications of ${channel} could not be recovered`);
}

async function orUndefined(pending: Promise<ApiPage>): Promise<ApiPage | "another epoch" | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof HoldfastError && error.details.code === unrecoverablePosition)
      return "another epoch";
    if (isTemporary(error)) return undefined;
    throw error;
  }
}

function isTemporary(error: unknown): boolean {
  return (
    error instanceof ApiUnreachable || (error instanceof HoldfastError && error.details.isTemporary === true)
  );
}
