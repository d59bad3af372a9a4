import { describe, expect, it } from "vitest";
import {
  type AcknowledgedProtocol,
  holdfastAcknowledged,
  socketIoAcknowledged,
  wsAcknowledged,
} from "../../bench/support/acknowledged-protocol.js";
import { jetStreamAcknowledged } from "../../bench/support/nats-server.js";

function idsIn({ readIds }: AcknowledgedProtocol, message: string): number[] {
  const ids: number[] = [];
  readIds(message, (id) => ids.push(id));
  return ids;
}

describe("confirmations of Holdfast", () => {
  const confirmed = (id: number) => `{"id":${id},"publish":{}}`;

  it("reads the ids of all replies in a message, between pings", () => {
    const message = `${confirmed(1_000_000_000)}\n{}\n${confirmed(4_000_000_001)}`;
    expect(idsIn(holdfastAcknowledged, message)).toEqual([1_000_000_000, 4_000_000_001]);
    expect(idsIn(holdfastAcknowledged, "{}")).toEqual([]);
  });

  it("takes nothing else for a confirmation", () => {
    expect(() => idsIn(holdfastAcknowledged, '{"id":1000000000,"error":{"code":100}}')).toThrow("code");
    expect(() => idsIn(holdfastAcknowledged, '{"id":7,"publish":{}}')).toThrow("not a confirmation");
  });
});

describe("confirmations of others", () => {
  it("reads what ws and Socket.IO answer", () => {
    expect(idsIn(wsAcknowledged, "1000000007")).toEqual([1_000_000_007]);
    expect(idsIn(socketIoAcknowledged, "431000000007[]")).toEqual([1_000_000_007]);
    expect(idsIn(socketIoAcknowledged, "2")).toEqual([]);
    expect(() => idsIn(socketIoAcknowledged, "42[]")).toThrow("not a confirmation");
  });

  it("reads what JetStream sends to the inbox of a connection", () => {
    const answer = (id: number) => `MSG _INBOX.12.${id} 1 26\r\n{"stream":"bench","seq":7}\r\n`;
    expect(idsIn(jetStreamAcknowledged, answer(1_000_000_000) + answer(1_000_000_001))).toEqual([
      1_000_000_000, 1_000_000_001,
    ]);
  });

  it("notices that JetStream refused a publication", () => {
    const refusal = 'MSG _INBOX.1.1000000000 1 60\r\n{"error":{"code":503},"stream":"bench","seq":0}\r\n';
    expect(() => idsIn(jetStreamAcknowledged, refusal)).toThrow("refused");
    expect(() => idsIn(jetStreamAcknowledged, "-ERR 'Permissions Violation'\r\n")).toThrow("refused");
  });
});
