/** Who is behind a connection, and how that is found out. */
import type { JsonText } from "../wire/messages.js";

export interface Identity {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Shown to others in presence, joins, leaves and publications. */
  readonly info?: JsonText;
}

export interface Credentials {
  readonly token?: string;
  /** What the client sent with connect. */
  readonly data?: JsonText;
}

/** A refusal names the disconnect that the client gets. */
export type IdentityResult =
  | { readonly isAccepted: true; readonly identity: Identity }
  | {
      readonly isAccepted: false;
      readonly disconnect: "badRequest" | "invalidToken";
      readonly reason: string;
    };

export type Authenticate = (credentials: Credentials) => IdentityResult | Promise<IdentityResult>;

const maxUserCharacters = 255;
const maxInfoCharacters = 4096;

/**
 * Believes what a client says of itself in the data of its connect command, `{user?: string, info?: any}`. For servers
 * that only this machine can reach. A token is refused, since taking it unchecked would give a wrong idea of safety.
 */
export const believeClients: Authenticate = ({ token, data }) => {
  if (token) return refuse("invalidToken", "this server has no key to check tokens with");
  const claims: unknown = data === undefined ? undefined : JSON.parse(data);
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) return accept({ user: "" });
  const { user, info } = claims as Record<string, unknown>;
  if (user !== undefined && (typeof user !== "string" || user.length > maxUserCharacters))
    return refuse(
      "badRequest",
      `connect.data.user must be a string of up to ${maxUserCharacters} characters`,
    );
  if (info === undefined) return accept({ user: user ?? "" });
  const text = JSON.stringify(info);
  if (text.length > maxInfoCharacters)
    return refuse("badRequest", `connect.data.info may have ${maxInfoCharacters} characters of JSON`);
  return accept({ user: user ?? "", info: text });
};

function accept(identity: Identity): IdentityResult {
  return { isAccepted: true, identity };
}

function refuse(disconnect: "badRequest" | "invalidToken", reason: string): IdentityResult {
  return { isAccepted: false, disconnect, reason };
}
