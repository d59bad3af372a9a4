/** Shapes that know how to say what they accept: each message continues "must be". */
import { z } from "zod";

/** An object that takes these fields and no other. */
export function fields<T extends z.ZodRawShape>(shape: T) {
  const names = Object.keys(shape);
  return z.strictObject(shape, { error: `an object of ${names.join(", ")}` });
}

export function choice<const T extends readonly string[]>(words: T) {
  return z.enum(words, { error: `one of ${words.map((word) => JSON.stringify(word)).join(", ")}` });
}

export const flag = z.boolean({ error: "true or false" });

export function integer(least: number) {
  const error = `a whole number of at least ${least}`;
  return z.int({ error }).min(least, { error });
}

export function text(error = "a text that is not empty") {
  return z.string({ error }).min(1, { error });
}

const advice = "a text, { env: NAME } or { file: PATH }";

/** The name of a variable, or a file, that has what must not stand here. */
export const secretReference = z.union([fields({ env: text() }), fields({ file: text() })], {
  error: "{ env: NAME } or { file: PATH }",
});

export const secret = z.union([text(), ...secretReference.options], { error: advice });
