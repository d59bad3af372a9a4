/**
 * How a message of a channel finds older ones. A stream holds many channels, so the sequences of one channel's messages have gaps, and the
 * server can only be asked for a sequence or for the next message of a subject. Each message therefore links to the ones before it, up to
 * the nearest whose number is a multiple of 16. Messages whose numbers are multiples of 16 also link to the multiples of 16 before them,
 * up to a multiple of 256, and so on. Any message is found in a few reads, neighbours are read at once, and a link costs 2 to 4 bytes.
 */

export interface Link {
  /** Of the message in its stream. */
  readonly seq: number;
  /** Of the first publication in it. */
  readonly offset: number;
}

/** By level: links to the messages before whose numbers are multiples of 16^level, the oldest first. */
export type Links = readonly (readonly Link[])[];

const radix = 16;

/** The message that a new one follows. */
export interface LinkedMessage extends Link {
  readonly number: number;
  /**
   * By level: links of the last message, up to this one, whose number is a multiple of 16^level. Undefined where that message is not
   * at hand.
   */
  readonly lists: readonly (readonly Link[] | undefined)[];
}

/**
 * The links of the message after the given one.
 * @param load the links of an older message; undefined if it is gone
 * @param removedTo links to messages that hold nothing after this offset are left out
 */
export async function linksAfter(
  last: LinkedMessage | undefined,
  removedTo: number,
  load: (link: Link) => Promise<Links | undefined>,
): Promise<Links> {
  if (last === undefined) return [];
  const number = last.number + 1;
  const links: (readonly Link[])[] = [];
  let before: Link = { seq: last.seq, offset: last.offset };
  for (let level = 0, unit = 1; number % unit === 0; level++, unit *= radix) {
    const count = number / unit;
    if (count === 1) break;
    const earlier =
      (count - 1) % radix === 0 ? [] : (last.lists[level] ?? (await load(before))?.[level] ?? []);
    const list = [...earlier, before];
    links.push(dropRemoved(list, removedTo));
    const [oldest] = list;
    // The next level continues at the message 16 units before, if that is still linked.
    if (list.length < radix || oldest === undefined) break;
    before = oldest;
  }
  return links;
}

/** The lists of a message with these links, which follows `last`. */
export function listsOf(
  number: number,
  links: Links,
  last: LinkedMessage | undefined,
): LinkedMessage["lists"] {
  const lists: (readonly Link[] | undefined)[] = [...links];
  if (number === 1 || last?.number !== number - 1) return lists;
  for (let level = links.length, unit = radix ** level; level < last.lists.length; level++, unit *= radix)
    lists[level] = number % unit === 0 ? [] : last.lists[level];
  return lists;
}

function dropRemoved(list: readonly Link[], removedTo: number): readonly Link[] {
  let start = 0;
  while (start + 1 < list.length && (list[start + 1] as Link).offset <= removedTo + 1) start++;
  return start === 0 ? list : list.slice(start);
}

/** What `findLinks` needs of a message. */
export interface LinkingMessage {
  readonly seq: number;
  readonly number: number;
  readonly firstOffset: number;
  readonly links: Links;
}

/** Messages that are loaded at once. */
const maxParallel = 32;

/**
 * Links to the messages that hold the offsets from `from` to `to`, the oldest first; those that are gone are left out.
 * @param head the newest message of the log
 * @param load undefined if the message is gone; then all older ones are
 */
export async function findLinks<M extends LinkingMessage>(
  head: M,
  from: number,
  to: number,
  load: (link: Link) => Promise<M | undefined>,
): Promise<readonly Link[]> {
  const end = await findEnd(head, to, load);
  if (end === undefined) return [];
  const known = new Map<number, Link>();
  const expanded = new Set<number>();
  const expand = (message: M) => {
    expanded.add(message.number);
    message.links.forEach((list, level) => {
      const unit = radix ** level;
      list.forEach((link, i) => {
        known.set(message.number - unit * (list.length - i), link);
      });
    });
  };
  expand(end);
  const found: Link[] = [];
  if (to >= head.firstOffset) found.push({ seq: head.seq, offset: head.firstOffset });
  if (found[0] !== undefined && found[0].offset <= from) return found;
  for (let number = end.number - 1; number > 0; number--) {
    if (!known.has(number)) {
      const wanted = [...known]
        .filter(([each, { offset }]) => each <= number + 1 && offset > from && !expanded.has(each))
        .filter(([each]) => each % radix === 0)
        .sort(([a], [b]) => b - a)
        .slice(0, maxParallel);
      const loaded = await Promise.all(wanted.map(([, link]) => load(link)));
      for (const message of loaded) if (message) expand(message);
    }
    const link = known.get(number);
    if (link === undefined) break;
    found.push(link);
    if (link.offset <= from) break;
  }
  return found.reverse();
}

/** The head, or the oldest message that begins after the offset. */
async function findEnd<M extends LinkingMessage>(
  head: M,
  to: number,
  load: (link: Link) => Promise<M | undefined>,
): Promise<M | undefined> {
  let end: M | undefined = head;
  while (end !== undefined) {
    let next: Link | undefined;
    for (const list of end.links)
      for (const link of list)
        if (link.offset > to && (next === undefined || link.seq < next.seq)) next = link;
    if (next === undefined) return end;
    end = await load(next);
  }
  return undefined;
}
