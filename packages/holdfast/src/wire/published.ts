/** What is said of a publication that was asked for, the same in every interface. Browser-safe. */
import type { Position } from "./messages.js";

/** What has become of it. */
export interface Published {
  readonly position: Position;
  /** Whether its idempotency key had been used, so that nothing was published again. */
  readonly isDuplicate: boolean;
  /** Why nothing was published; the position is then where the log ended. */
  readonly suppressed?: string;
}

export interface PublishedFields extends Position {
  readonly is_duplicate?: true;
  readonly suppressed?: true;
  readonly suppress_reason?: string;
}

/** As it stands in an answer. */
export function toPublishedFields({ position, isDuplicate, suppressed }: Published): PublishedFields {
  return {
    ...position,
    ...(isDuplicate && { is_duplicate: true }),
    ...(suppressed !== undefined && { suppressed: true, suppress_reason: suppressed }),
  };
}

/** Whether a new publication is there. */
export function isNewlyPublished({ isDuplicate, suppressed }: Published): boolean {
  return !isDuplicate && suppressed === undefined;
}
