import { describe, expect, it } from "vitest";
import { findMisplacedResume, readResume } from "../../src/requests/resume.js";

const read = (query: string, headers: Record<string, string> = {}, known: readonly string[] = []) =>
  readResume({ headers, url: `/channels/news/events?${query}`, address: "" }, known);
const at = (offset: number) => ({ since: { epoch: "e", offset } });

describe("where a reader goes on", () => {
  it.each([
    ["since=e:1", {}],
    ["lastEventId=e:1", {}],
    ["lastEventId=e%3A1&r=0123", {}],
    ["Last-Event-ID=e:1", {}],
    ["", { "last-event-id": "e:1" }],
  ])("is what any client says it with: ?%s %j", (query, headers) => {
    expect(read(query, headers)).toEqual(at(1));
  });

  it("is the newest that it says, since the address stays as it was opened with", () => {
    expect(read("since=e:1&lastEventId=e:2", { "last-event-id": "e:3" })).toEqual(at(3));
    expect(read("since=e:1&lastEventId=e:2")).toEqual(at(2));
  });

  it("is refused where one parameter says two things", () => {
    expect(read("since=e:1&since=e:2")).toBe("?since= appears twice with different values");
    expect(read("lastEventId=e:1&lastEventId=e:2")).toMatch(/^\?lastEventId= appears twice/);
    expect(read("since=e:1&since=e:1")).toEqual(at(1));
  });

  it("is the head where nothing is said, or that there was no event yet", () => {
    for (const query of ["", "lastEventId=", "token=x&as=Ann&_=123&r=0.5&limit=3&wait=5s&user=1"])
      expect(read(query)).toEqual({});
    expect(read("", { "last-event-id": "" })).toEqual({});
  });

  it.each(["since=", "since=12", "since=e", "since=e:-1", "lastEventId=42", "Last-Event-ID=x"])(
    "is refused where it cannot be read: ?%s",
    (query) => {
      expect(read(query)).toMatch(
        /^(since|lastEventId|Last-Event-ID) must be EPOCH:OFFSET.*\?since=EPOCH:OFFSET/,
      );
      expect(read("since=e:1", { "last-event-id": "x" })).toMatch(/^Last-Event-ID must be/);
    },
  );

  it.each([
    ...[
      "Since",
      "SINCE",
      "sinc",
      "sicne",
      "snice",
      "sinec",
      "isnce",
      "sinse",
      "sincee",
      "since[]",
      "since_id",
    ],
    ...["last_event_id", "lasteventid", "last-event-id", "lastEventID", "lastEventld", "LastEventId"],
    ...["offset", "epoch", "position", "from", "after", "start_at", "resume", "cursor", "last_id", "seq"],
  ])("is refused, and what is accepted named, where it is misspelt: %s", (name) => {
    expect(read(`${name}=e:1`)).toContain(
      `?${name}= is an unknown parameter: resume with ?since=EPOCH:OFFSET`,
    );
    expect(read(`since=e:1&${name}=e:1`)).toContain("is an unknown parameter");
  });

  it("may have a parameter of the path that looks like one", () => {
    expect(read("cursor=abc", {}, ["cursor"])).toEqual({});
  });
});

describe("where a connect command says it", () => {
  const find = (query: string, headers: Record<string, string> = {}) =>
    findMisplacedResume({ headers, url: `/connection/uni_sse?${query}`, address: "" });

  it.each([
    "since=e:1",
    "lastEventId=e:1",
    "offset=1",
    "connect={}",
    "cf-connect={}",
    "cfconnect={}",
    "subs=news",
  ])("nothing else does: ?%s", (query) => {
    expect(find(query)).toContain('cf_connect={"subs"');
  });

  it("the id of an event does not either", () => {
    expect(find("", { "last-event-id": "e:1" })).toContain("Last-Event-ID has no effect here");
  });

  it("all else is an application's own", () => {
    for (const query of ["", "cf_connect={}", "token=x&as=Ann&cf_ws_frame_ping_pong=true"])
      expect(find(query)).toBeUndefined();
  });
});
