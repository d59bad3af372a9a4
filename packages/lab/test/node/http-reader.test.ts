import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HttpReader, LineSplitter } from "../../src/node/http-reader.js";

/** @returns what a reader tells of these bytes, pieces of bodies joined */
function readAll(pieces: readonly Buffer[]): string[] {
  const told: string[] = [];
  let body = "";
  const reader = new HttpReader({
    onHead: ({ status, fields }) => void told.push(`${status} ${fields.get("x-name") ?? ""}`.trim()),
    onBody: (bytes) => {
      body += bytes.toString("latin1");
    },
    onEnd: () => {
      told.push(`end ${body}`.trim());
      body = "";
    },
    onUpgrade: (bytes) => {
      body += bytes.toString("latin1");
    },
  });
  for (const piece of pieces) reader.read(piece);
  if (body !== "") told.push(`rest ${body}`);
  return told;
}

const bytewise = (text: string) => [...Buffer.from(text, "latin1")].map((byte) => Buffer.from([byte]));

const answers: readonly (readonly [text: string, told: readonly string[]])[] = [
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Name: a: b\r\n\r\nhello", ["200 a: b", "end hello"]],
  ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ["200", "end"]],
  ['HTTP/1.1 304 Not Modified\r\nETag: W/"a:1"\r\nContent-Length: 70\r\n\r\n', ["304", "end"]],
  ["HTTP/1.1 204 No Content\r\n\r\n", ["204", "end"]],
  ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204\r\n\r\n", ["204", "end"]],
  [
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n\r\nyou!\r\n0\r\nX-Trailer: 1\r\n\r\n",
    ["200", "end hello\r\nyou!"],
  ],
];

describe("HttpReader", () => {
  it.each(answers)("reads %j whole and byte by byte", (text, told) => {
    expect(readAll([Buffer.from(text, "latin1")])).toEqual(told);
    expect(readAll(bytewise(text))).toEqual(told);
  });

  it("reads any answers one after the other, however they are cut", () => {
    const several = fc.array(fc.constantFrom(...answers), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(several, fc.array(fc.nat(200)), (chosen, sizes) => {
        const bytes = Buffer.from(chosen.map(([text]) => text).join(""), "latin1");
        const pieces: Buffer[] = [];
        let at = 0;
        for (const size of sizes) {
          pieces.push(bytes.subarray(at, at + size));
          at += size;
        }
        pieces.push(bytes.subarray(at));
        expect(readAll(pieces)).toEqual(chosen.flatMap(([, told]) => told));
      }),
    );
  });

  it("leaves what follows a 101 to the protocol switched to", () => {
    const text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02{}";
    expect(readAll([Buffer.from(text, "latin1")])).toEqual(["101", "rest \x81\x02{}"]);
    expect(readAll(bytewise(text))).toEqual(["101", "rest \x81\x02{}"]);
  });

  it.each([
    ["HTTP/1.0 200 OK\r\n\r\n", /invalid HTTP\/1\.1 response/],
    ["HTTP/1.1 200 OK\r\n\r\n", /has no valid length/],
    ["HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", /has no valid length/],
    ["HTTP/1.1 200 OK\r\nbroken\r\n\r\n", /invalid header field/],
    [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(20_000)}`, /longer than 16384 bytes/],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", /chunk has no valid size/],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", /longer than its size/],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${"1".repeat(2000)}`, /longer than 1024 bytes/],
  ])("does not take %j", (text, message) => {
    expect(() => readAll([Buffer.from(text, "latin1")])).toThrow(message);
    expect(() => readAll(bytewise(text))).toThrow(message);
  });
});

describe("LineSplitter", () => {
  it("finds the same lines however the text is cut", () => {
    const text = "id: 1\ndata: a\n\n:\n\ndata: b\n\nrest";
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 9 })), (sizes) => {
        const lines: string[] = [];
        const splitter = new LineSplitter("\n\n");
        let at = 0;
        for (const size of sizes) {
          splitter.push(text.slice(at, at + size), (line) => void lines.push(line));
          at += size;
        }
        splitter.push(text.slice(at), (line) => void lines.push(line));
        expect(lines).toEqual(["id: 1\ndata: a", ":", "data: b"]);
      }),
    );
  });

  it("does not take a line without end", () => {
    expect(() => new LineSplitter().push("x".repeat(9 * 1024 * 1024), () => {})).toThrow(/longer than/);
  });
});
