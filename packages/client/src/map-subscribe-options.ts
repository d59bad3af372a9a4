/** What a map's subscription asks for. All subscribers of one map share a subscription, and so have to agree. */
import { refuseUnknownOptions } from "../../holdfast/src/errors.js";
import type { SubscribeOptions } from "./subscribe-options.js";

export interface MapSubscribeOptions extends Pick<SubscribeOptions, "token" | "data" | "tagsFilter"> {
  /** For lists of who is subscribed to another channel: of its connections, or of its users. @default "keys" */
  readonly type?: "keys" | "clients" | "users";
}

const names: readonly (keyof MapSubscribeOptions)[] = ["token", "data", "tagsFilter", "type"];

/** @throws HF_OPTION_INVALID for an option that is not known */
export function checkMapOptions(options: MapSubscribeOptions): void {
  refuseUnknownOptions(options, names);
}
