/**
 * The streams that keep the channels: made at the first start, and checked at every other one. The description of each carries what
 * must not change: the format, the number of streams (channels are placed by it), and the base of epochs.
 */
import { HoldfastError } from "../../errors.js";
import { idempotencyWindowMs } from "../idempotency.js";
import { frameVersion } from "./frame.js";
import { isStreamMissing, type JetStream, toError } from "./jetstream.js";
import type { Subjects } from "./subjects.js";

export interface StreamLimits {
  /** Copies of each stream: 1, 3 or 5. */
  readonly replicas: number;
  /** A message is removed after so long, whatever its channel keeps. */
  readonly maxAgeMs: number;
  /** Most bytes of all streams together. Publishes are refused beyond. */
  readonly maxBytes: number;
}

interface StreamConfig {
  readonly name: string;
  readonly description: string;
  readonly subjects: readonly string[];
  readonly retention: string;
  readonly storage: string;
  readonly num_replicas: number;
  readonly max_age: number;
  readonly max_bytes: number;
  readonly max_msgs: number;
  readonly max_msgs_per_subject: number;
  readonly discard: string;
  readonly duplicate_window: number;
  readonly allow_direct: boolean;
  readonly republish: { readonly src: string; readonly dest: string };
  readonly deny_purge: boolean;
}

interface StreamInfo {
  readonly config: StreamConfig;
}

const nanosPerMs = 1_000_000;
const descriptionPattern = /^Holdfast log, format (\d+), stream (\d+) of (\d+), epochs (\S+)$/;

/** Makes a call again while its failure is temporary. */
export type Patiently = <T>(call: () => Promise<T>) => Promise<T>;

/**
 * Finds or makes all streams.
 * @returns the base of epochs of each
 * @throws HF_STORE_NEWER, HF_BROKER_UNSUPPORTED if a stream was made with other limits, HF_BROKER_UNAVAILABLE
 */
export async function openStreams(
  jetStream: JetStream,
  subjects: Subjects,
  limits: StreamLimits,
  createEpoch: () => string,
  patiently: Patiently,
): Promise<readonly string[]> {
  const bases: string[] = [];
  // One after the other: servers make streams slowly, and the first failure says enough.
  for (let i = 0; i < subjects.numStreams; i++) {
    const wanted = configOf(subjects, i, limits, createEpoch());
    bases.push(await patiently(() => openStream(jetStream, wanted, subjects)));
  }
  return bases;
}

/**
 * Checks streams that exist, and makes none.
 * @throws HF_STORE_NEWER, HF_BROKER_UNSUPPORTED, HF_BROKER_UNAVAILABLE
 */
export async function checkStreams(
  jetStream: JetStream,
  subjects: Subjects,
  limits: StreamLimits,
): Promise<void> {
  for (const [i, name] of subjects.streamNames.entries()) {
    const info = await jetStream.callFor<StreamInfo>(`STREAM.INFO.${name}`, {});
    if (isStreamMissing(info.error)) continue;
    if (info.error) throw toError(info.error, `read stream ${name}`);
    check(info.config, configOf(subjects, i, limits, ""), subjects);
  }
}

async function openStream(jetStream: JetStream, wanted: StreamConfig, subjects: Subjects): Promise<string> {
  const { name } = wanted;
  let info = await jetStream.callFor<StreamInfo>(`STREAM.INFO.${name}`, {});
  if (isStreamMissing(info.error)) {
    const made = await jetStream.callFor<StreamInfo>(`STREAM.CREATE.${name}`, wanted);
    // Another node may have made it meanwhile, with other random epochs.
    info = made.error ? await jetStream.callFor<StreamInfo>(`STREAM.INFO.${name}`, {}) : made;
    if (isStreamMissing(info.error) && made.error) throw toError(made.error, `create stream ${name}`);
  }
  if (info.error) throw toError(info.error, `read stream ${name}`);
  return check(info.config, wanted, subjects);
}

/** @returns the base of epochs */
function check(found: StreamConfig, wanted: StreamConfig, { numStreams, prefix }: Subjects): string {
  const { name } = wanted;
  const [, format, , count, base] = descriptionPattern.exec(found.description) ?? [];
  if (base === undefined)
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `stream ${name} was not made by Holdfast: choose another prefix than "${prefix}"`,
    );
  if (Number(format) > frameVersion)
    throw new HoldfastError(
      "HF_STORE_NEWER",
      `stream ${name} was made by a newer version: its format is ${format}, and this version knows ${frameVersion}`,
    );
  if (Number(count) !== numStreams)
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `stream ${name} is one of ${count}, but ${numStreams} are configured: channels are placed by that number, so set it to ${count}, or choose another prefix`,
    );
  const differences = Object.entries(comparedOf(found))
    .filter(([field, value]) => value !== comparedOf(wanted)[field])
    .map(([field, value]) => `${field} is ${value} instead of ${comparedOf(wanted)[field]}`);
  if (differences.length > 0)
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `stream ${name} was made with other limits: ${differences.join(", ")}. Change the options, or the stream with "nats stream edit ${name}"`,
      { details: { stream: name } },
    );
  return base;
}

function comparedOf(config: StreamConfig): Readonly<Record<string, unknown>> {
  return {
    subjects: config.subjects.join(" "),
    storage: config.storage,
    retention: config.retention,
    num_replicas: config.num_replicas,
    max_age: config.max_age,
    max_bytes: config.max_bytes,
    max_msgs: config.max_msgs,
    max_msgs_per_subject: config.max_msgs_per_subject,
    discard: config.discard,
    duplicate_window: config.duplicate_window,
    allow_direct: config.allow_direct ?? false,
    republish: config.republish?.dest,
    deny_purge: config.deny_purge ?? false,
  };
}

function configOf(subjects: Subjects, stream: number, limits: StreamLimits, base: string): StreamConfig {
  return {
    name: subjects.streamName(stream),
    description: `Holdfast log, format ${frameVersion}, stream ${stream} of ${subjects.numStreams}, epochs ${base}`,
    subjects: [subjects.logSubjects(stream)],
    retention: "limits",
    storage: "file",
    num_replicas: limits.replicas,
    max_age: limits.maxAgeMs * nanosPerMs,
    max_bytes: Math.ceil(limits.maxBytes / subjects.numStreams),
    max_msgs: -1,
    max_msgs_per_subject: -1,
    // A log that still keeps publications is not forgotten to make room for others.
    discard: "new",
    duplicate_window: idempotencyWindowMs * nanosPerMs,
    allow_direct: true,
    republish: { src: subjects.logSubjects(stream), dest: subjects.liveSubjects(stream) },
    deny_purge: false,
  };
}
