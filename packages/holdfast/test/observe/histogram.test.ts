import { expect, it } from "vitest";
import { Histogram } from "../../src/observe/histogram.js";

it("counts an observation in the first bucket whose bound it does not exceed", () => {
  const histogram = new Histogram([0.1, 1]);
  for (const seconds of [0, 0.1, 0.10001, 1, 1.5, 100]) histogram.observe(seconds);
  expect(histogram.distribution).toEqual({ counts: [2, 2, 2], sum: expect.closeTo(102.70001, 5) });
});

it("takes milliseconds, too", () => {
  const histogram = new Histogram([0.1, 1]);
  histogram.observeMs(500);
  expect(histogram.distribution).toEqual({ counts: [0, 1, 0], sum: 0.5 });
});

it("gives what was observed so far, which later observations leave as it is", () => {
  const histogram = new Histogram([1]);
  const before = histogram.distribution;
  histogram.observe(2);
  expect(before).toEqual({ counts: [0, 0], sum: 0 });
});
