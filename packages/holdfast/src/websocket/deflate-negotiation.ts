/**
 * Negotiation of permessage-deflate (RFC 7692 §5.1 and §7.1): the client's offer, the server's choice, and the client's
 * check of the response.
 */
import { type Extension, formatExtension } from "./handshake-fields.js";
import type { DeflateSettings } from "./options.js";

const extensionName = "permessage-deflate";

/** What both sides agreed on. Window sizes are powers of two, from 8 to 15. */
export interface DeflateAgreement {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  readonly serverMaxWindowBits: number;
  readonly clientMaxWindowBits: number;
}

/** The four parameters of an offer or an answer; undefined where they are missing. */
interface Parameters {
  readonly server_no_context_takeover: true | undefined;
  readonly client_no_context_takeover: true | undefined;
  readonly server_max_window_bits: number | undefined;
  /** True where it has no value, which only an offer may do. */
  readonly client_max_window_bits: number | true | undefined;
}

export interface AcceptedOffer {
  readonly agreement: DeflateAgreement;
  /** Value of the answer's Sec-WebSocket-Extensions. */
  readonly answer: string;
}

/**
 * A server's choice: the first offer that it can honor, in the client's order of preference (RFC 7692 §5.1). Offers
 * with unknown, repeated or malformed parameters are declined one by one (§7.1); undefined when all are.
 * @param takesContext whether there is room for one more connection with context takeover
 */
export function acceptOffer(
  offers: readonly Extension[],
  settings: DeflateSettings,
  takesContext = settings.contextTakeover,
): AcceptedOffer | undefined {
  for (const offer of offers) {
    if (offer.name !== extensionName) continue;
    const parameters = readParameters(offer);
    if (parameters !== undefined)
      return acceptOne(parameters, settings, takesContext && settings.contextTakeover);
  }
  return undefined;
}

function acceptOne(offer: Parameters, settings: DeflateSettings, takesContext: boolean): AcceptedOffer {
  const clientLimit = offer.client_max_window_bits;
  const agreement: DeflateAgreement = {
    serverNoContextTakeover: !takesContext || offer.server_no_context_takeover === true,
    // RFC 7692 §7.1.1.2: the answer may ask for this, whether it was offered or not.
    clientNoContextTakeover: !takesContext || offer.client_no_context_takeover === true,
    serverMaxWindowBits: Math.min(offer.server_max_window_bits ?? 15, settings.maxWindowBits),
    // RFC 7692 §7.1.2.2: the answer may limit the client's window only if the client says that it can.
    clientMaxWindowBits:
      clientLimit === undefined
        ? 15
        : Math.min(clientLimit === true ? 15 : clientLimit, settings.maxPeerWindowBits),
  };
  const isServerWindowNamed =
    offer.server_max_window_bits !== undefined || agreement.serverMaxWindowBits < 15;
  const isClientWindowNamed = clientLimit !== undefined && agreement.clientMaxWindowBits < 15;
  const answer = formatParameters({
    server_no_context_takeover: agreement.serverNoContextTakeover || undefined,
    client_no_context_takeover: agreement.clientNoContextTakeover || undefined,
    server_max_window_bits: isServerWindowNamed ? agreement.serverMaxWindowBits : undefined,
    client_max_window_bits: isClientWindowNamed ? agreement.clientMaxWindowBits : undefined,
  });
  return { agreement, answer };
}

/** What a client offers. @returns the value of Sec-WebSocket-Extensions */
export function createOffer(settings: DeflateSettings): string {
  const { contextTakeover, maxWindowBits, maxPeerWindowBits } = settings;
  return formatParameters({
    server_no_context_takeover: contextTakeover ? undefined : true,
    client_no_context_takeover: contextTakeover ? undefined : true,
    server_max_window_bits: maxPeerWindowBits < 15 ? maxPeerWindowBits : undefined,
    client_max_window_bits: maxWindowBits < 15 ? maxWindowBits : true,
  });
}

/**
 * A client's check of the response (RFC 7692 §5.1 and §7.1).
 * @returns the agreement, undefined where the server declined, or what is wrong with the answer, for which the client
 * must fail the connection
 */
export function checkAnswer(
  extensions: readonly Extension[],
  settings: DeflateSettings | undefined,
): DeflateAgreement | string | undefined {
  const [answer] = extensions;
  if (answer === undefined) return undefined;
  if (settings === undefined || answer.name !== extensionName)
    return `the server chose an extension that was not offered: ${formatExtension(answer)}`;
  if (extensions.length > 1) return "the server chose more than one extension";
  const parameters = readParameters(answer);
  if (parameters === undefined || parameters.client_max_window_bits === true)
    return `the server's permessage-deflate parameters are malformed: ${formatExtension(answer)}`;
  // RFC 7692 §7.1.1.1: what was offered as a condition must be in the answer.
  if (!settings.contextTakeover && !parameters.server_no_context_takeover)
    return "the server uses context takeover, which was not offered";
  const serverMaxWindowBits = parameters.server_max_window_bits ?? 15;
  if (serverMaxWindowBits > settings.maxPeerWindowBits)
    return `the server uses a window of ${serverMaxWindowBits} bits, but ${settings.maxPeerWindowBits} were offered`;
  return {
    serverNoContextTakeover: parameters.server_no_context_takeover === true,
    clientNoContextTakeover: !settings.contextTakeover || parameters.client_no_context_takeover === true,
    serverMaxWindowBits,
    clientMaxWindowBits: Math.min(parameters.client_max_window_bits ?? 15, settings.maxWindowBits),
  };
}

function formatParameters(parameters: Parameters): string {
  const given = Object.entries(parameters).flatMap(([name, value]): [string, string | undefined][] =>
    value === undefined ? [] : [[name, value === true ? undefined : String(value)]],
  );
  return formatExtension({ name: extensionName, parameters: given });
}

/** @returns undefined when a parameter is unknown, repeated, or has a value that it may not have */
function readParameters({ parameters }: Extension): Parameters | undefined {
  const found: { -readonly [K in keyof Parameters]: Parameters[K] } = {
    server_no_context_takeover: undefined,
    client_no_context_takeover: undefined,
    server_max_window_bits: undefined,
    client_max_window_bits: undefined,
  };
  for (const [name, value] of parameters) {
    if (!(name in found) || found[name as keyof Parameters] !== undefined) return undefined;
    if (name === "server_no_context_takeover" || name === "client_no_context_takeover") {
      if (value !== undefined) return undefined;
      found[name] = true;
      continue;
    }
    const bits = value === undefined ? undefined : readWindowBits(value);
    if (name === "server_max_window_bits") {
      if (bits === undefined) return undefined;
      found.server_max_window_bits = bits;
    } else {
      if (value !== undefined && bits === undefined) return undefined;
      found.client_max_window_bits = bits ?? true;
    }
  }
  return found;
}

/** RFC 7692 §7.1.2: a decimal from 8 to 15 without leading zeros. */
function readWindowBits(text: string): number | undefined {
  return /^(?:[89]|1[0-5])$/.test(text) ? Number(text) : undefined;
}
