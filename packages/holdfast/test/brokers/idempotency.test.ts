import { describe, expect, it } from "vitest";
import { IdempotencyKeys } from "../../src/brokers/idempotency.js";

const windowMs = 5 * 60 * 1000;
const first = { position: { epoch: "e", offset: 7 }, isDuplicate: false };
const repeat = { ...first, isDuplicate: true };

describe("idempotency keys", () => {
  it("are found with their result until the window ends", () => {
    const keys = new IdempotencyKeys();
    keys.put("news", "k", first, 1000);
    expect(keys.find("news", "k", 1000)).toEqual(repeat);
    expect(keys.find("news", "k", 1000 + windowMs - 1)).toEqual(repeat);
    expect(keys.find("news", "k", 1000 + windowMs)).toBeUndefined();
    expect(keys.size).toBe(0);
  });

  it("are scoped to a channel", () => {
    const keys = new IdempotencyKeys();
    keys.put("news", "k", first, 0);
    expect(keys.find("sport", "k", 0)).toBeUndefined();
    expect(keys.find("new", "sk", 0)).toBeUndefined();
  });

  it("are not extended by lookups", () => {
    const keys = new IdempotencyKeys();
    keys.put("news", "k", first, 0);
    keys.find("news", "k", windowMs - 1);
    expect(keys.find("news", "k", windowMs)).toBeUndefined();
  });

  it("expire one by one, the oldest first", () => {
    const keys = new IdempotencyKeys();
    for (let i = 0; i < 10; i++) keys.put("news", `k-${i}`, first, i * 1000);
    keys.expire(windowMs + 4000);
    expect(keys.size).toBe(5);
    expect(keys.find("news", "k-5", windowMs + 4000)).toEqual(repeat);
  });
});
