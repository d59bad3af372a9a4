/** The SDK's client, but that payloads are texts, so that what is sent and printed is what was given and what came. */
import { Centrifuge, type Options } from "centrifuge";
import { elementTexts, encodeJson, memberTexts, RawJson, textAt } from "../wire/payload.js";

type JsonObject = Readonly<Record<string, unknown>>;

/** As the SDK asks its codec. */
const textCodec = {
  encodeCommands: (commands: readonly JsonObject[]) => commands.map(encodeJson).join("\n"),
  decodeReplies: (data: string) =>
    data
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map(decodeReply),
};

export class TextClient extends Centrifuge {
  constructor(url: string, options: Partial<Options>) {
    super(url, options);
    this._codec = Object.assign(Object.create(this._codec), textCodec);
  }
}

/** Wherever publications are in a reply that this command's calls come to. */
function decodeReply(line: string): JsonObject {
  const reply = JSON.parse(line);
  const pushed = reply.push?.pub && textAt(line, ["push", "pub"]);
  if (pushed !== undefined)
    return { ...reply, push: { ...reply.push, pub: withTexts(reply.push.pub, pushed) } };
  for (const method of ["subscribe", "history"]) {
    const list: unknown = reply[method]?.publications;
    if (!Array.isArray(list)) continue;
    const texts = elementTexts(textAt(line, [method, "publications"]) ?? "[]");
    const publications = list.map((each: JsonObject, i) => withTexts(each, texts[i] ?? "{}"));
    return { ...reply, [method]: { ...reply[method], publications } };
  }
  return reply;
}

function withTexts(publication: JsonObject, text: string): JsonObject {
  const data = memberTexts(text).get("data");
  const info = textAt(text, ["info", "conn_info"]);
  return {
    ...publication,
    ...(data !== undefined && { data: new RawJson(data) }),
    ...(info !== undefined && {
      info: { ...(publication.info as JsonObject), conn_info: new RawJson(info) },
    }),
  };
}
