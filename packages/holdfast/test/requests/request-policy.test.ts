import { describe, expect, it } from "vitest";
import { TrustedProxies } from "../../src/requests/addresses.js";
import type { AllowedOrigins } from "../../src/requests/origins.js";
import { type Audience, RequestPolicy } from "../../src/requests/request-policy.js";

interface Situation {
  readonly allowedOrigins?: AllowedOrigins;
  readonly proxies?: readonly string[];
  readonly isLocalOnly?: boolean;
  readonly audience?: Audience;
  readonly mayBeDisplayed?: boolean;
  readonly method?: string;
  readonly remoteAddress?: string | undefined;
}

function decide({ host, ...headers }: Record<string, string>, situation: Situation = {}) {
  const { allowedOrigins = [], proxies = [], isLocalOnly = true } = situation;
  const { audience = "clients", mayBeDisplayed = false, method = "GET" } = situation;
  const policy = new RequestPolicy({
    allowedOrigins,
    trustedProxies: new TrustedProxies(proxies),
    isLocalOnly: () => isLocalOnly,
  });
  const remoteAddress = "remoteAddress" in situation ? situation.remoteAddress : "127.0.0.1";
  return policy.decide({ url: "/", host, headers, remoteAddress, server: {} }, method, {
    audience,
    mayBeDisplayed,
  });
}

function ask(headers: Record<string, string>, situation?: Situation): number | "admitted" {
  const verdict = decide(headers, situation);
  return "status" in verdict ? verdict.status : "admitted";
}

const here = "localhost:8000";

describe("host of a request", () => {
  it.each(["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000"])(
    "of a server for this machine only is a name of this machine: %s",
    (host) => {
      expect(ask({ host })).toBe("admitted");
    },
  );

  it("may be left out, as old programs do and no browser does", () => {
    expect(ask({})).toBe("admitted");
  });

  it.each([
    "evil.example:8000",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "",
    "a b",
    "localhost@evil",
  ])("that was made to point here is refused: %j", (host) => {
    for (const audience of ["clients", "servers", "visitors"] as const)
      expect(ask({ host }, { audience })).toBe(403);
    expect(ask({ host }, { isLocalOnly: false })).toBe("admitted");
    expect(ask({ host }, { audience: "anyone" })).toBe("admitted");
  });

  it("may be one of an origin that is admitted, or any through a proxy that is named", () => {
    const host = "app.example";
    expect(ask({ host }, { allowedOrigins: ["https://app.example"] })).toBe("admitted");
    expect(ask({ host }, { allowedOrigins: "*" })).toBe("admitted");
    const forwarded = { host, "x-forwarded-for": "203.0.113.7" };
    expect(ask(forwarded)).toBe(403);
    expect(ask(forwarded, { proxies: ["loopback"] })).toBe("admitted");
    expect(ask({ ...forwarded, "x-forwarded-for": "127.0.0.1" }, { proxies: ["loopback"] })).toBe(403);
    expect(ask(forwarded, { proxies: ["unix"], remoteAddress: undefined })).toBe("admitted");
  });
});

describe("page that sends a request", () => {
  it("is admitted by its Origin, as its WebSockets are", () => {
    const page = { host: "app.example", origin: "https://app.example" };
    expect(ask(page, { isLocalOnly: false })).toBe("admitted");
    expect(ask(page)).toBe(403);
    expect(ask({ ...page, "x-forwarded-for": "203.0.113.7" }, { proxies: ["loopback"] })).toBe("admitted");
    for (const origin of ["https://evil.example", "null", "https://a.app.example"])
      expect(ask({ ...page, origin }, { isLocalOnly: false })).toBe(403);
  });

  it.each(["cross-site", "same-site"])("of another origin that hides it is refused: %s", (site) => {
    const hidden = {
      host: here,
      "sec-fetch-site": site,
      "sec-fetch-mode": "no-cors",
      "sec-fetch-dest": "empty",
    };
    expect(ask(hidden)).toBe(403);
    expect(ask(hidden, { audience: "servers" })).toBe(403);
    expect(ask(hidden, { audience: "visitors", method: "POST" })).toBe(403);
    expect(ask(hidden, { audience: "visitors" })).toBe("admitted");
    expect(ask(hidden, { allowedOrigins: "*" })).toBe("admitted");
  });

  it("of the same origin is admitted without one", () => {
    const own = {
      host: here,
      "sec-fetch-site": "same-origin",
      "sec-fetch-mode": "cors",
      "sec-fetch-dest": "empty",
    };
    expect(ask(own)).toBe("admitted");
    expect(ask({ ...own, "sec-fetch-dest": "websocket", "sec-fetch-mode": "websocket" })).toBe("admitted");
  });
});

describe("windows and elements", () => {
  const typed = {
    host: here,
    "sec-fetch-site": "none",
    "sec-fetch-mode": "navigate",
    "sec-fetch-dest": "document",
  };
  const image = {
    host: here,
    "sec-fetch-site": "same-origin",
    "sec-fetch-mode": "no-cors",
    "sec-fetch-dest": "image",
  };
  const withoutSecFetch = { host: here, accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

  it.each([typed, image, withoutSecFetch])("are shown nothing that is for programs: %j", (headers) => {
    expect(ask(headers)).toBe(403);
    expect(ask(headers, { audience: "servers", mayBeDisplayed: true, method: "POST" })).toBe(403);
    expect(ask(headers, { allowedOrigins: "*" })).toBe(403);
    expect(ask(headers, { audience: "visitors" })).toBe("admitted");
  });

  it.each([typed, image, withoutSecFetch])(
    "may show a read, and nobody has signed in then: %j",
    (headers) => {
      const signedIn = { ...headers, cookie: "session=1", authorization: "Basic YTpi" };
      const verdict = decide(signedIn, { mayBeDisplayed: true });
      expect(verdict).toMatchObject({
        request: { headers: expect.not.objectContaining({ cookie: "session=1" }) },
      });
      expect(JSON.stringify(verdict)).not.toContain("Basic");
      expect(ask(headers, { mayBeDisplayed: true, method: "POST" })).toBe(403);
    },
  );

  it("are not programs whose library takes whatever there is", () => {
    const java = { host: here, accept: "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2" };
    expect(ask(java, { audience: "servers", method: "POST" })).toBe("admitted");
    expect(ask({ host: here, accept: "*/*", "sec-fetch-mode": "cors" })).toBe("admitted");
  });

  it("do not follow a link of another site there", () => {
    expect(ask({ ...typed, "sec-fetch-site": "cross-site" }, { mayBeDisplayed: true })).toBe(403);
  });
});

describe("what a page has signed in with", () => {
  const page = { host: "app.example", origin: "https://other.example", cookie: "session=1" };

  it("does not count where the page may ask only since every page may", () => {
    const verdict = decide(page, { allowedOrigins: "*", isLocalOnly: false });
    expect(JSON.stringify(verdict)).not.toContain("session=1");
    const own = decide(
      { ...page, origin: "https://app.example" },
      { allowedOrigins: "*", isLocalOnly: false },
    );
    expect(JSON.stringify(own)).toContain("session=1");
  });

  it.each(["cross-site", "same-site"])(
    "does not count where a page of another origin hides it: %s",
    (site) => {
      const { origin: _, ...hidden } = {
        ...page,
        "sec-fetch-site": site,
        "sec-fetch-mode": "no-cors",
        "sec-fetch-dest": "empty",
      };
      expect(JSON.stringify(decide(hidden, { allowedOrigins: "*" }))).not.toContain("session=1");
      const own = { ...hidden, "sec-fetch-site": "same-origin" };
      expect(JSON.stringify(decide(own, { allowedOrigins: "*" }))).toContain("session=1");
    },
  );

  it("counts where its origin is named", () => {
    const verdict = decide(page, { allowedOrigins: ["https://other.example"], isLocalOnly: false });
    expect(verdict).toMatchObject({
      request: { headers: { cookie: "session=1" } },
      cors: {
        "Access-Control-Allow-Origin": "https://other.example",
        "Access-Control-Allow-Credentials": "true",
      },
    });
  });
});
