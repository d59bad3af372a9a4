import { describe, expect, it } from "vitest";
import { endOfAnswer } from "../../bench/support/http-publisher.js";

const answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 4\r\n\r\nabcd";

describe("end of an HTTP answer", () => {
  it("is after its body, wherever the answer starts", () => {
    expect(endOfAnswer(answer, 0)).toBe(answer.length);
    expect(endOfAnswer(answer + answer, answer.length)).toBe(2 * answer.length);
  });

  it("is unknown until everything has come", () => {
    for (let length = 0; length < answer.length; length++)
      expect(endOfAnswer(answer.slice(0, length), 0), String(length)).toBeUndefined();
  });

  it("cannot be found without a length", () => {
    expect(() => endOfAnswer("HTTP/1.1 200 OK\r\n\r\n", 0)).toThrow("no length");
  });
});
