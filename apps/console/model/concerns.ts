/** What is wrong, as far as the nodes know: a sentence each, the worst first. */
import type { InfoAnswer, NodeAnswer } from "./answers.js";
import { formatBytes, formatCount } from "./format.js";

export function findConcerns({ nodes, silent = [] }: InfoAnswer): readonly string[] {
  const versions = [...new Set(nodes.map(({ version }) => version))];
  return [
    ...silent.map(({ name }) => `Node ${name} does not answer.`),
    ...nodes.flatMap(concernsOf),
    ...(versions.length > 1 ? [`The nodes have different versions: ${versions.join(", ")}.`] : []),
  ];
}

function concernsOf({ name, health }: NodeAnswer): readonly string[] {
  if (health === undefined) return [];
  const { broker, broker_up, errors, held_bytes } = health;
  return [
    ...(broker_up ? [] : [`${name} cannot reach its broker (${broker}): nothing can be published.`]),
    ...(held_bytes > 0 ? [`${name} holds ${formatBytes(held_bytes)} for slow connections.`] : []),
    ...(errors > 0 ? [`${name} has logged ${formatCount(errors)} errors since it started.`] : []),
  ];
}
