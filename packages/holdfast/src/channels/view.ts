/**
 * What a subscription gets of a channel's entries: with joins and leaves or without, of the publications all or those
 * that pass a filter, payloads whole or as patches. Subscriptions of one view at one cursor share their bytes.
 */
import { encodeDelta } from "../wire/fossil-delta.js";
import type { Publication } from "../wire/messages.js";
import type { TagsFilter } from "../wire/tags-filter.js";

export interface View {
  readonly hasJoinLeave: boolean;
  /** Never together with patches: those need every publication before. */
  readonly filter: TagsFilter | undefined;
  /**
   * `first`: the next publication comes whole, for the reader has none that it could patch; in a map all of them, until
   * the reader has every value.
   */
  readonly delta: "none" | "first" | "next";
  /** Text that is the same for views that are the same. */
  readonly key: string;
}

export interface ViewOptions {
  readonly hasJoinLeave?: boolean;
  readonly filter?: TagsFilter | undefined;
  readonly isDelta?: boolean;
}

const common = new Map<string, View>();

export function viewOf({ hasJoinLeave = false, filter, isDelta = false }: ViewOptions = {}): View {
  return createView(hasJoinLeave, filter, isDelta && filter === undefined ? "first" : "none");
}

/** The view of a reader that has got a publication. */
export function viewAfterPublication(view: View): View {
  return view.delta === "first" ? createView(view.hasJoinLeave, undefined, "next") : view;
}

function createView(hasJoinLeave: boolean, filter: TagsFilter | undefined, delta: View["delta"]): View {
  const key = `${hasJoinLeave ? "j" : ""}${delta === "none" ? "" : delta} ${filter?.key ?? ""}`;
  const known = common.get(key);
  if (known) return known;
  const view = Object.freeze({ hasJoinLeave, filter, delta, key });
  if (filter === undefined) common.set(key, view);
  return view;
}

/** Publications that follow each other in the log, as a reader gets them. */
export function publicationsFor(
  { filter, delta }: View,
  publications: readonly Publication[],
): readonly Publication[] {
  if (filter) return publications.filter(({ tags }) => filter.passes(tags));
  if (delta === "none") return publications;
  const values = new Map<string, Publication>();
  return publications.map((publication, i) => {
    const { key } = publication;
    const base = key === undefined ? publications[i - 1] : values.get(key);
    if (key !== undefined) values.set(key, publication);
    return patched(publication, base);
  });
}

/**
 * @param base the publication before, or the one of the same key, which the reader has; without one, or where a patch
 * would not be shorter, all of it
 */
export function patched(publication: Publication, base: Publication | undefined): Publication {
  const patch = isBase(publication, base) ? encodeDelta(base.data, publication.data) : undefined;
  if (patch === undefined) return whole(publication);
  return { ...publication, data: patch, delta: "patch" };
}

/** As readers of patches get it where it is none. */
export function whole(publication: Publication): Publication {
  return { ...publication, delta: "full" };
}

function isBase(publication: Publication, base: Publication | undefined): base is Publication {
  if (base === undefined || publication.isRemoved || base.isRemoved) return false;
  const { key, offset } = publication;
  return key === undefined ? base.offset === offset - 1 : base.key === key && base.offset < offset;
}
