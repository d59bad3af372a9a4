/** Methods that clients may call: the application's, and those that the client protocol has no command for. */
import { type ReplyError, replyError } from "../wire/codes.js";
import { toPublishParams } from "../wire/json-commands.js";
import type { RpcParams } from "../wire/messages.js";
import { toPublishedFields } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";
import type { SessionContext } from "./context.js";
import { publishInTurn } from "./publishing.js";
import type { Session } from "./session.js";

/** Counts as a publication, as the publish command does. */
export const publishMethod = "holdfast.publish";

type RpcMethod = (
  session: Session,
  data: Payload,
  context: SessionContext,
) => Promise<{ readonly result: unknown } | ReplyError>;

const methods: ReadonlyMap<string, RpcMethod> = new Map([
  /** Publishes, and says where the publication stands, which the publish command has no room for. */
  [
    publishMethod,
    async (session, data, context) => {
      const params = toPublishParams(data);
      if (typeof params === "string") return replyError("badRequest", `holdfast.publish: ${params}`);
      const published = await publishInTurn(session, params, context);
      if ("code" in published) return published;
      return { result: toPublishedFields(published) };
    },
  ],
]);

/** @returns the result as JSON text, or why there is none */
export async function callMethod(
  session: Session,
  { method, data }: RpcParams,
  context: SessionContext,
): Promise<Payload | ReplyError> {
  const call = methods.get(method);
  if (call !== undefined) {
    const outcome = await call(session, data ?? "null", context);
    return "code" in outcome ? outcome : JSON.stringify(outcome.result);
  }
  const { application } = context;
  if (application.call === undefined || !application.methods.includes(method))
    return replyError("methodNotFound", `there is ${[...methods.keys(), ...application.methods].join(", ")}`);
  const outcome = await application.call(method, data, session.actor);
  return "refusal" in outcome ? outcome.refusal : outcome.data;
}
