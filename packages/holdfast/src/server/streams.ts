/** Transports over plain HTTP, put together: responses that go on, for SDKs and for everybody else. */
import type { RouterOptions } from "../http/router.js";
import type { Application } from "../sessions/application.js";
import type { SessionRegistry } from "../sessions/registry.js";
import { systemClock } from "../sockets/system-clock.js";
import type { Admission } from "../transports/admission.js";
import { PlainListener } from "../transports/plain-listener.js";
import { StreamListener } from "../transports/stream-listener.js";
import type { MapType } from "../wire/messages.js";
import type { ResolvedOptions } from "./options.js";

export type Streams = Pick<RouterOptions, "streams" | "events">;

export interface StreamsContext {
  readonly handler: SessionRegistry;
  readonly admission: Admission;
  readonly application: Application;
  /** This server's id. */
  readonly node: string;
  readonly options: Pick<ResolvedOptions, "closeTimeoutMs" | "maxMessageBytes" | "times" | "onError">;
}

export function createStreams({ handler, admission, application, node, options }: StreamsContext): Streams {
  const { closeTimeoutMs, maxMessageBytes: maxBodyBytes, onError } = options;
  const common = { handler, admission, times: { clock: systemClock, closeTimeoutMs } };
  const pingSeconds = Math.max(1, Math.round(options.times.pingIntervalMs / 1000));
  return {
    streams: new StreamListener({ ...common, node, pingSeconds, maxBodyBytes, onError }),
    events: new PlainListener({
      ...common,
      random: Math.random,
      mapTypeOf: (channel) => mapTypeOf(application, channel),
    }),
  };
}

function mapTypeOf(application: Application, channel: string): MapType | undefined {
  try {
    const rules = application.policyFor(channel)?.rules;
    return rules?.kind === "map" ? (rules.map?.type ?? "keys") : undefined;
  } catch {
    // The subscribe command that follows comes to the same, and its failure is answered and reported.
    return undefined;
  }
}
