/** Publications and notices as clients without an SDK read them. */
import { describe, expect, it } from "vitest";
import { plainEvents, plainLines, publicationText } from "../../src/transports/plain-transport.js";
import type { Publication, Push } from "../../src/wire/messages.js";

const full: Publication = {
  offset: 3,
  data: '{"a":1}',
  key: 'k"',
  score: -2,
  tags: { lang: "de" },
  info: { user: "ann", client: "c", connInfo: "1", chanInfo: "[2]" },
  time: 5,
};
const pub: Push = { kind: "pub", channel: "x", epoch: "e", publication: { offset: 1, data: '"é"', time: 5 } };

describe("a publication", () => {
  it("has what there is of it, and no more", () => {
    expect(JSON.parse(publicationText(full, "e"))).toEqual({
      offset: 3,
      epoch: "e",
      data: { a: 1 },
      key: 'k"',
      score: -2,
      tags: { lang: "de" },
      info: { user: "ann", client: "c", conn_info: 1, chan_info: [2] },
      time: 5,
    });
    expect(publicationText({ offset: 0, data: "null", tags: {}, time: 5 }, "e")).toBe(
      '{"data":null,"time":5}',
    );
    const bytes = publicationText({ offset: 0, data: Uint8Array.of(0, 255, 62), time: 5 }, "e");
    expect(bytes).toBe('{"data":"AP8+","time":5}');
    const removal = publicationText({ offset: 1, data: "null", key: "k", isRemoved: true, time: 5 }, "e");
    expect(JSON.parse(removal)).toEqual({ offset: 1, epoch: "e", key: "k", removed: true, time: 5 });
  });
});

describe("events", () => {
  const { codec, frame } = plainEvents.encoding;

  it("have the position as id, and a name where they are no publications", () => {
    const messages = [
      codec.encodePush(pub),
      codec.encodePush({ kind: "message", data: "1" }),
      codec.encodePing(),
    ];
    expect(Buffer.from(frame(codec.join(messages))).toString()).toBe(
      'id: e:1\ndata: {"offset":1,"epoch":"e","data":"é","time":5}\n\nevent: direct\ndata: 1\n\n: keepalive\n',
    );
  });
});

describe("lines", () => {
  const { codec, frame } = plainLines.encoding;

  it("are JSON each, with the name as key where they are no publications", () => {
    const join: Push = { kind: "join", channel: "x", info: { user: "u", client: "c" } };
    const messages = [codec.encodePush(pub), codec.encodePush(join), codec.encodePing()];
    const lines = Buffer.from(frame(codec.join(messages)))
      .toString()
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { offset: 1, epoch: "e", data: "é", time: 5 },
      { join: { user: "u", client: "c" } },
      { keepalive: {} },
    ]);
  });
});
