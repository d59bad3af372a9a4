/** What the API's parameters hold, as the rest of the server has it: payloads, info and grants. */
import type { z } from "zod";
import type { SubscriptionGrant } from "../../sessions/identity.js";
import type { PublishParams } from "../../wire/messages.js";
import { findDepthFault, type JsonText, trimJson } from "../../wire/payload.js";
import type * as schemas from "./schemas.js";

/** A fault that the schemas cannot express: fields that depend on each other, or invalid JSON in base64. */
export class ContentFault extends Error {}

/** @throws ContentFault when there is no data, or it is no base64 */
export function toPublication(content: {
  readonly data?: JsonText | undefined;
  readonly b64data?: string | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly key?: string | undefined;
  readonly idempotency_key?: string | undefined;
  readonly version?: number | undefined;
  readonly version_epoch?: string | undefined;
  readonly skip_history?: boolean | undefined;
}): Omit<PublishParams, "channel"> {
  const { tags, key: publicationKey, idempotency_key, version: number, version_epoch: epoch = "" } = content;
  const { data = bytesOf(content.b64data) } = content;
  if (data === undefined) throw new ContentFault("data is missing: any JSON value, or bytes as b64data");
  return {
    data,
    ...(tags && { tags }),
    ...(publicationKey !== undefined && { key: publicationKey }),
    ...(idempotency_key !== undefined && { idempotencyKey: idempotency_key }),
    ...(number !== undefined && { version: { number, epoch } }),
    ...(content.skip_history && { skipsHistory: true }),
  };
}

/** @throws ContentFault when there is no data, or it is invalid JSON */
export function toMapPublication(
  params: Omit<z.output<typeof schemas.mapPublish>, "channel">,
): Omit<PublishParams, "channel"> {
  const { score, key_mode: keyMode } = params;
  return {
    ...toPublication(params),
    isForMap: true,
    ...(score !== undefined && { score }),
    ...(keyMode && { keyMode }),
  };
}

/** @throws ContentFault for invalid JSON */
export function toGrant(params: Omit<z.output<typeof schemas.subscribe>, "channel">): SubscriptionGrant {
  const info = jsonOf(params.info, params.b64info, "info");
  const data = jsonOf(params.data, params.b64data, "data");
  const { presence, join_leave, force_push_join_leave, force_recovery } = params.override ?? {};
  return {
    ...(info !== undefined && { info }),
    ...(data !== undefined && { data }),
    ...(params.expire_at && { expiresAt: params.expire_at * 1000 }),
    overrides: {
      ...(presence && { hasPresence: presence.value }),
      ...(join_leave && { hasJoinLeave: join_leave.value }),
      ...(force_push_join_leave && { isJoinLeaveForced: force_push_join_leave.value }),
      ...(force_recovery && { isRecoveryForced: force_recovery.value }),
    },
  };
}

/** Whether they must be JSON is for the channel to say. */
function bytesOf(encoded: string | undefined): Uint8Array | undefined {
  if (encoded === undefined) return undefined;
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) throw new ContentFault("b64data must be base64");
  return Uint8Array.from(Buffer.from(encoded, "base64"));
}

function jsonOf(text: JsonText | undefined, encoded: string | undefined, name: string): JsonText | undefined {
  if (text !== undefined || encoded === undefined) return text;
  try {
    return decodeJson(Buffer.from(encoded, "base64").toString("utf8"));
  } catch {
    throw new ContentFault(`b64${name} must be JSON in base64`);
  }
}

/** @throws SyntaxError for invalid JSON, RangeError when it is nested too deeply */
function decodeJson(text: string): JsonText | undefined {
  const fault = findDepthFault(text, JSON.parse(text));
  if (fault !== undefined) throw new RangeError(fault);
  return trimJson(text);
}
