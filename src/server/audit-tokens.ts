/** Tells the audit of every token that an application refuses, wherever it is asked. */
import type { Audit } from "../observe/audit.js";
import type { Application } from "../sessions/application.js";

/** Those that have only run out are no news: clients fetch another. Nor are those that could not be checked. */
export function withTokenAudit(application: Application, audit: Audit): Application {
  const { authenticate, verifyConnection, verifySubscription } = application;
  return {
    ...application,
    authenticate: async (credentials) => {
      const result = await authenticate(credentials);
      if (
        credentials.token &&
        !result.isAccepted &&
        "reason" in result &&
        result.disconnect !== "internalError"
      )
        audit("tokenRefused", { reason: result.reason, address: credentials.request.address });
      return result;
    },
    ...(verifyConnection && {
      verifyConnection: async (token) => {
        const result = await verifyConnection(token);
        if (!result.isAccepted && "reason" in result && result.disconnect !== "internalError")
          audit("tokenRefused", { reason: result.reason });
        return result;
      },
    }),
    ...(verifySubscription && {
      verifySubscription: async (token, bearer) => {
        const result = await verifySubscription(token, bearer);
        if (!result.isAccepted && !("error" in result && result.error === "tokenExpired"))
          audit("tokenRefused", { reason: result.reason, ...bearer });
        return result;
      },
    }),
  };
}
