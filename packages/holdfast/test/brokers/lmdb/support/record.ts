/** What was published and acknowledged, to compare with what a store has. */
import { expect } from "vitest";
import { ample, countTo, query } from "../../../../../../test/conformance/broker/fixture.js";
import type {
  HistoryPage,
  HistoryQuery,
  NewPublication,
  PublishOptions,
  PublishResult,
  Retention,
} from "../../../../src/channels/log.js";
import type { Publication } from "../../../../src/wire/messages.js";

export const endless: Retention = Object.freeze({ ...ample, maxEntries: 1_000_000, maxBytes: 2 ** 40 });

interface Publisher {
  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult>;
}

interface Reader {
  history(channel: string, query: HistoryQuery): Promise<HistoryPage>;
}

/** The whole log, page by page. */
export async function readAll(reader: Reader, channel: string, maxEntries = 1000): Promise<HistoryPage> {
  const publications: Publication[] = [];
  for (let sinceOffset = 0; ; ) {
    const page = await reader.history(channel, query({ sinceOffset, maxEntries }));
    publications.push(...page.publications);
    const last = page.publications.at(-1);
    if (last === undefined) return { publications, position: page.position };
    sinceOffset = last.offset;
  }
}

/** Publications of many shapes; no two of them have the same data. */
export function publicationOf(n: number): NewPublication {
  const shapes: readonly ((text: string) => NewPublication)[] = [
    (text) => ({ data: JSON.stringify(text) }),
    (text) => ({ data: JSON.stringify(`${text} naïve 🚀 \u0000 \u2028 \ud800 漢字`) }),
    (text) => ({ data: JSON.stringify({ text }), tags: { lang: "日本語", "": "" } }),
    (text) => ({
      data: JSON.stringify([text]),
      info: { user: "änn", client: `c-${n}`, connInfo: '{"ö":1}', chanInfo: '""' },
    }),
    (text) => ({ data: JSON.stringify(text), key: `key 🔑 ${n % 3}` }),
    (text) => ({ data: JSON.stringify(`${text} ${"x".repeat(20_000)}é`) }),
  ];
  const shape = shapes[n % shapes.length];
  if (shape === undefined) throw new Error("there is a shape for every remainder");
  return shape(`${n}`);
}

export class PublicationRecord {
  readonly #acknowledged = new Map<string, Map<number, NewPublication>>();
  readonly #epochs = new Map<string, string>();
  /** Publications that were given to a broker, acknowledged or not, by their data. */
  readonly #tried = new Set<string>();
  size = 0;

  get channels(): readonly string[] {
    return [...this.#acknowledged.keys()];
  }

  async publish(
    broker: Publisher,
    channel: string,
    publication: NewPublication,
    options: Partial<PublishOptions> = {},
  ): Promise<PublishResult> {
    this.#tried.add(`${channel} ${publication.data}`);
    const result = await broker.publish(channel, publication, { retention: endless, ...options });
    this.acknowledge(channel, publication, result);
    return result;
  }

  acknowledge(channel: string, publication: NewPublication, { position }: PublishResult): void {
    const known = this.#acknowledged.get(channel) ?? new Map<number, NewPublication>();
    this.#acknowledged.set(channel, known);
    expect(this.#epochs.get(channel) ?? position.epoch).toBe(position.epoch);
    expect(known.has(position.offset)).toBe(false);
    this.#epochs.set(channel, position.epoch);
    known.set(position.offset, publication);
    this.size++;
  }

  /** Everything that was acknowledged is there, at its offset of its epoch, and nothing is there twice. */
  async expectKeptBy(reader: Reader): Promise<void> {
    for (const [channel, known] of this.#acknowledged) {
      const { publications, position } = await readAll(reader, channel);
      expect(position.epoch).toBe(this.#epochs.get(channel));
      expect(publications.map(({ offset }) => offset)).toEqual(countTo(position.offset));
      const found = publications.filter(({ offset }) => known.has(offset));
      expect(found.map(({ offset, time: _, ...rest }) => [offset, rest])).toEqual(
        [...known].sort(([a], [b]) => a - b),
      );
      const texts = publications.map(({ data }) => data);
      expect(texts.filter((data, index) => texts.indexOf(data) < index)).toEqual([]);
      for (const { data } of publications) expect(this.#tried.has(`${channel} ${data}`)).toBe(true);
    }
  }
}
