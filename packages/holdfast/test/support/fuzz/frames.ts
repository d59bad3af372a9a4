/** Arbitrary frames of one client: commands by themselves and together, good, broken, and in an order that nobody keeps. */
import fc from "fast-check";
import { connectFields, fieldsOf, paramsOf, weights } from "./fields.js";
import { anyJson, number, oddText, toText } from "./values.js";

/** A line of a frame, with the id that it gets from its place where it is to be a good one. */
type Line = (next: number) => string;

function withId(id: unknown, body: object): Line {
  return (next) => toText(id === "next" ? { id: next, ...body } : id === "none" ? body : { id, ...body });
}

/** @param oddity how rare it is that something is not as it has to be; it ends most connections */
function lineOf(token: fc.Arbitrary<string>, oddity: number): fc.Arbitrary<Line> {
  const id = fc.oneof(
    { weight: oddity * 20, arbitrary: fc.constant<unknown>("next") },
    { weight: oddity, arbitrary: fc.nat({ max: 9 }).map((each) => each + 1) },
    { weight: 1, arbitrary: fc.oneof(number, anyJson, fc.constant("none")) },
  );
  const commands = Object.entries(fieldsOf(token)).map(([method, fields]) => {
    const ids = method === "send" ? fc.constant<unknown>("none") : id;
    const line = fc
      .tuple(ids, paramsOf(fields, oddity))
      .map(([each, params]) => withId(each, { [method]: params }));
    return { weight: oddity * (weights[method] ?? 10), arbitrary: line };
  });
  const broken = fc.constantFrom<Line>(
    () => "",
    () => "{",
    () => "null",
    () => "[]",
    () => '"text"',
    () => '{"id":1',
    () => "\ud800",
    (next) => `{"id":${next},"unheard_of":{}}`,
    (next) => `{"id":${next}}`,
    (next) => `{"id":${next},"rpc":{"method":"echo"},"publish":{"channel":"open:a","data":1}}`,
  );
  const connect = paramsOf(connectFields(token), oddity).map((params) => withId("next", { connect: params }));
  return fc.oneof(
    ...commands,
    { weight: oddity * 4, arbitrary: fc.constant<Line>(() => "{}") },
    { weight: 8, arbitrary: broken },
    { weight: 8, arbitrary: connect },
  );
}

type Frames = readonly (readonly Line[])[];

/**
 * One client's frames as texts, each with some commands, with ids that ascend over all of them.
 * @param good tokens that connections may have
 * @param bad ones that mean something else to the server
 */
export function framesOf(good: readonly string[], bad: readonly string[]): fc.Arbitrary<readonly string[]> {
  const tokens = [...good, ...bad];
  const token = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...tokens) },
    { weight: 1, arbitrary: oddText },
  );
  const connect = fc.oneof(
    { weight: 3, arbitrary: fc.constant<Line>(withId("next", { connect: {} })) },
    {
      weight: 6,
      arbitrary: fc
        .constantFrom(...tokens, ...good, ...good)
        .map((each) => withId("next", { connect: { token: each, data: "channels" } })),
    },
    {
      weight: 3,
      arbitrary: paramsOf(connectFields(token), 20).map((params) => withId("next", { connect: params })),
    },
  );
  const framesWith = (oddity: number) =>
    fc
      .tuple(
        connect,
        fc.array(lineOf(token, oddity), { maxLength: 4 }),
        fc.array(fc.array(lineOf(token, oddity), { minLength: 1, maxLength: 6, size: "max" }), {
          maxLength: 14,
          size: "max",
        }),
      )
      .map(([first, rest, more]) => [[first, ...rest], ...more]);
  const without = fc.array(fc.array(lineOf(token, 2), { maxLength: 3 }), { minLength: 1, maxLength: 4 });
  return fc
    .oneof<fc.MaybeWeightedArbitrary<Frames>[]>(
      { weight: 8, arbitrary: framesWith(60) },
      { weight: 3, arbitrary: framesWith(3) },
      { weight: 1, arbitrary: without },
    )
    .map(toTexts);
}

function toTexts(frames: Frames): string[] {
  let next = 1;
  return frames.map((lines) => lines.map((line) => line(next++)).join("\n"));
}
