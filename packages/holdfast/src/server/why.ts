/** Answers why a user did or did not get a publication: finds it in the log, asks all nodes what they recorded, and judges. */
import type { WhyQuery } from "../channels/cluster.js";
import { judge, type NodeFacts, type Sought } from "../observe/verdict.js";
import type { WhyAnswer, WhyQuestion } from "../observe/why-causes.js";
import type { SessionContext } from "../sessions/context.js";
import type { PublishEvent, Recollection, Timed } from "../sessions/recorder.js";

type Context = Pick<SessionContext, "application" | "broker">;

interface Answers {
  readonly nodes: readonly NodeFacts[];
  readonly silent: readonly string[];
}

/** @throws HF_BROKER_UNAVAILABLE if the log cannot be read */
export async function why(context: Context, question: WhyQuestion): Promise<WhyAnswer> {
  const { channel, user, client, idempotencyKey } = question;
  const asked = {
    channel,
    user,
    ...(client !== undefined && { client }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  };
  const policy = context.application.policyFor(channel);
  if (policy === undefined) return judge({ ...asked, sought: { kind: "no channel" } }, [], []);
  const kind = policy.rules.kind ?? "stream";
  const first = idempotencyKey === undefined ? undefined : await ask(context, asked);
  const sought = await seek(context, question, first);
  const publication = "publication" in sought ? sought.publication : undefined;
  const { nodes, silent } =
    first && publication === undefined
      ? first
      : await ask(context, { ...asked, ...(publication && { publication }) });
  return judge({ ...asked, sought, kind }, nodes, silent);
}

async function ask({ broker }: Context, query: WhyQuery): Promise<Answers> {
  const { cluster } = broker;
  const [known, { outcomes, silent }] = await Promise.all([
    cluster.nodes(),
    cluster.send({ kind: "why", query }),
  ]);
  const nameOf = (id: string) => known.find((node) => node.id === id)?.name ?? id;
  const nodes: NodeFacts[] = [];
  // Nodes of an older version answer with an error.
  const failed: string[] = [];
  for (const [id, { data, error }] of outcomes)
    if (error === undefined && data !== undefined)
      nodes.push({ ...(data as Recollection), node: nameOf(id) });
    else failed.push(id);
  return { nodes, silent: [...silent, ...failed].map(nameOf) };
}

async function seek(
  { broker }: Context,
  { channel, offset, epoch, idempotencyKey }: WhyQuestion,
  answers: Answers | undefined,
): Promise<Sought> {
  let wanted = { offset, epoch };
  if (idempotencyKey !== undefined) {
    const published = answers && findPublished(answers, idempotencyKey);
    if (published?.offset === undefined) return { kind: "unpublished", idempotencyKey };
    wanted = { offset: published.offset, epoch: published.epoch };
  }
  const page = await broker.log.history(channel, {
    ...(wanted.offset !== undefined && { sinceOffset: wanted.offset - 1 }),
    maxEntries: 1,
    maxBytes: 1,
    isReverse: wanted.offset === undefined,
  });
  const { position, publications } = page;
  const [found] = publications;
  const at = wanted.offset ?? position.offset;
  if (at === 0) return { kind: "empty" };
  const isOther = wanted.epoch !== undefined && wanted.epoch !== position.epoch;
  if (!isOther && at > position.offset) return { kind: "ahead", offset: at, head: position.offset };
  if (isOther || found?.offset !== at)
    return { kind: "gone", publication: { epoch: wanted.epoch ?? position.epoch, offset: at } };
  const { time, tags } = found;
  return {
    kind: "kept",
    publication: { epoch: position.epoch, offset: at, time, ...(tags && { tags }) },
  };
}

function findPublished({ nodes }: Answers, idempotencyKey: string): Timed<PublishEvent> | undefined {
  return nodes
    .flatMap(({ publishes }) => publishes)
    .find(
      (event) =>
        event.idempotencyKey === idempotencyKey && event.offset !== undefined && event.kind !== "suppressed",
    );
}
