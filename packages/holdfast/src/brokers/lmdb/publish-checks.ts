/** What comes to be written down, and would come back as something else where JSON cannot say it. */
import type { NewPublication, PublishOptions, Retention } from "../../channels/log.js";
import { findRetentionFault } from "../../channels/rules.js";
import { HoldfastError } from "../../errors.js";
import { findKeyFault } from "../../wire/names.js";

export class PublishChecks {
  #known: Retention | undefined;

  /** @throws HF_OPTION_INVALID */
  publication({ tags, score, key }: NewPublication, { retention, idempotencyKey }: PublishOptions): void {
    this.#retention(retention);
    if (key !== undefined && retention.keys) assertKey("key", key);
    if (idempotencyKey !== undefined) assertKey("idempotencyKey", idempotencyKey);
    if (tags !== undefined) assertTags(tags);
    if (score !== undefined && !Number.isFinite(score))
      throw new HoldfastError("HF_OPTION_INVALID", `the score of a publication must be a finite number`, {
        details: { option: "score" },
      });
  }

  #retention(retention: Retention): void {
    if (retention === this.#known) return;
    const fault = findRetentionFault(retention);
    if (fault !== undefined) throw new HoldfastError("HF_OPTION_INVALID", `a publish has ${fault}`);
    this.#known = retention;
  }
}

/** They are parts of the index's keys, whose bytes have a bound. */
function assertKey(option: string, key: string): void {
  const fault = findKeyFault(option, key);
  if (fault !== undefined)
    throw new HoldfastError("HF_OPTION_INVALID", `a publish has a key that is not accepted: ${fault}`, {
      details: { option },
    });
}

function assertTags(tags: NonNullable<NewPublication["tags"]>): void {
  for (const [name, value] of Object.entries(tags))
    if (typeof value !== "string")
      throw new HoldfastError("HF_OPTION_INVALID", `the tag ${name} of a publication must be a text`, {
        details: { option: "tags" },
      });
}
