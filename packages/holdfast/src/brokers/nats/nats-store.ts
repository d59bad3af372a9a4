/** What the parts of the broker share: the connection, and the streams that were found or made on it. */
import { readFile } from "node:fs/promises";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { isTemporary, JetStream, toError } from "./jetstream.js";
import { NatsConnection, type NatsConnectionEvents, NoRespondersError } from "./nats-connection.js";
import type { NatsSettings } from "./nats-options.js";
import { openStreams, type Patiently } from "./streams.js";
import type { Subjects } from "./subjects.js";

export interface NatsStoreOptions {
  readonly settings: NatsSettings;
  readonly subjects: Subjects;
  readonly clock: Clock;
  readonly createEpoch: () => string;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** The first with stored messages that can be read directly and are republished. */
const minVersion = "2.9.0";
/**
 * For replicas. Clusters of 2.9 take several appends that expect the same (nats-server issue 4320), and lose what was stored before a purge
 * when they are killed. Clusters of 2.10 before 2.10.23 may forget a whole stream when they are killed (issue 6888). This is the oldest that
 * Holdfast is tested with.
 */
const minReplicatingVersion = "2.10.27";

/** How long streams are waited for at the start. */
const maxStartMs = 30_000;
const retryDelayMs = 500;

export class NatsStore {
  readonly #options: NatsStoreOptions;
  readonly #listeners: NatsConnectionEvents[] = [];
  #connection: NatsConnection | undefined;
  #jetStream: JetStream | undefined;
  #epochBases: readonly string[] = [];
  #isClosed = false;

  constructor(options: NatsStoreOptions) {
    this.#options = options;
  }

  /** @throws HF_BROKER_CLOSED until it is open, and once it is closed */
  get connection(): NatsConnection {
    if (this.#connection === undefined || this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#connection;
  }

  /** @throws HF_BROKER_CLOSED */
  get jetStream(): JetStream {
    if (this.#jetStream === undefined || this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#jetStream;
  }

  /** Bases of epochs, by stream. */
  get epochBases(): readonly string[] {
    return this.#epochBases;
  }

  /** Listeners are called in the order they were added. */
  listen(events: NatsConnectionEvents): void {
    this.#listeners.push(events);
  }

  /** @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED, HF_STORE_NEWER; nothing stays open then */
  async open(): Promise<void> {
    const { settings, clock, subjects, createEpoch, onError } = this.#options;
    const patiently = this.#patiently(clock.elapsed() + maxStartMs);
    const events = {
      onDisconnect: () => {
        for (const each of this.#listeners) each.onDisconnect();
      },
      onReconnect: () => {
        for (const each of this.#listeners) each.onReconnect();
      },
    };
    const connection = await connectToJetStream(settings, { clock, onError, events, patiently });
    try {
      const jetStream = new JetStream(connection, clock, settings.replicas > 1);
      this.#epochBases = await openStreams(jetStream, subjects, settings, createEpoch, patiently);
      this.#connection = connection;
      this.#jetStream = jetStream;
      if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** Servers that have just started, or lost one of them, need some seconds. The first failure is reported, the last is thrown. */
  #patiently(deadline: number): Patiently {
    const { clock, onError } = this.#options;
    let isReported = false;
    return async (call) => {
      for (;;) {
        try {
          return await call();
        } catch (error) {
          if (this.#isClosed || !isTemporary(error) || clock.elapsed() > deadline) throw error;
          if (!isReported)
            onError(error, { stage: `starting on NATS, which is tried for ${maxStartMs / 1000} s` });
          isReported = true;
        }
        await new Promise<void>((resolve) => void clock.setTimer(() => resolve(), retryDelayMs));
      }
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.close();
  }
}

export interface ConnectingOptions extends Pick<NatsStoreOptions, "clock" | "onError"> {
  readonly events: NatsConnectionEvents;
  /** Repeats what servers cannot do yet. */
  readonly patiently: Patiently;
}

/**
 * Connects to a server that can keep logs.
 * @throws HF_BROKER_UNAVAILABLE, HF_BROKER_UNSUPPORTED, HF_OPTION_INVALID; nothing stays open then
 */
export async function connectToJetStream(
  settings: NatsSettings,
  { clock, onError, events, patiently }: ConnectingOptions,
): Promise<NatsConnection> {
  const { servers, user, password, token, isTls, credsFile, caFile, certFile, keyFile } = settings;
  const hasTls = isTls || caFile !== undefined || certFile !== undefined;
  const connection = await NatsConnection.open(
    {
      servers,
      user,
      password,
      token,
      credentials: credsFile === undefined ? undefined : await readCredentials(credsFile),
      clock,
      assertVersion: (version) => assertVersion(version, settings.replicas),
      requestTimeoutMs: settings.requestTimeoutMs,
      onError,
      name: `Holdfast ${settings.prefix}`,
      tls: hasTls
        ? { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) }
        : undefined,
    },
    events,
  );
  try {
    await patiently(() => assertJetStream(connection));
    return connection;
  } catch (error) {
    await connection.close();
    throw error;
  }
}

async function readCredentials(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new HoldfastError("HF_OPTION_INVALID", `nats.credsFile cannot be read: ${messageOf(error)}`, {
      details: { option: "nats.credsFile" },
    });
  }
}

/** @throws HF_BROKER_UNSUPPORTED */
function assertVersion(version: string, replicas: number): void {
  if (!isAtLeast(version, minVersion))
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `NATS server ${version} is too old: the broker needs ${minVersion} or later`,
    );
  if (replicas > 1 && !isAtLeast(version, minReplicatingVersion))
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      `NATS server ${version} is too old for ${replicas} replicas, and may lose acknowledged publications: upgrade all servers to ${minReplicatingVersion} or later, or use one server with replicas=1`,
    );
}

function isAtLeast(version: string, min: string): boolean {
  const found = version.split(/[.-]/).map(Number);
  for (const [i, part] of min.split(".").map(Number).entries()) {
    const difference = (found[i] ?? 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}

async function assertJetStream(connection: NatsConnection): Promise<void> {
  try {
    const info = await connection.request("$JS.API.INFO");
    const { error } = info.json<{ error?: { code: number; err_code?: number; description?: string } }>();
    if (error) throw toError(error, "use JetStream");
  } catch (error) {
    if (!(error instanceof NoRespondersError)) throw error;
    throw new HoldfastError(
      "HF_BROKER_UNSUPPORTED",
      "JetStream is disabled on the NATS server: start it with -js, or with jetstream { store_dir: … } in its configuration",
    );
  }
}
