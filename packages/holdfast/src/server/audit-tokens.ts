/** Tells the audit of every token that an application refuses, wherever it is asked. */
import type { Audit } from "../observe/audit.js";
import type { Application } from "../sessions/application.js";
import type { GrantResult, IdentityResult } from "../sessions/identity.js";

export function withTokenAudit(application: Application, audit: Audit): Application {
  const { authenticate, verifyConnection, verifySubscription } = application;
  return {
    ...application,
    authenticate: async (credentials) => {
      const result = await authenticate(credentials);
      const reason = credentials.token && refusalOf(result);
      if (reason) audit("tokenRefused", { reason, address: credentials.request.address });
      return result;
    },
    ...(verifyConnection && {
      verifyConnection: async (token) => {
        const result = await verifyConnection(token);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason });
        return result;
      },
    }),
    ...(verifySubscription && {
      verifySubscription: async (token, bearer) => {
        const result = await verifySubscription(token, bearer);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason, ...bearer });
        return result;
      },
    }),
  };
}

/** Those that have only run out are no news: clients fetch another. Nor are those that could not be checked. */
function refusalOf(result: IdentityResult | GrantResult): string | undefined {
  if (result.isAccepted) return undefined;
  const isOfToken =
    "error" in result ? result.error !== "tokenExpired" : result.disconnect !== "internalError";
  return isOfToken ? result.reason : undefined;
}
