/**
 * Screenshots, kept and compared as thumbnails: the mean colour of each square of 16 pixels. Squares of three sizes are compared, small
 * ones with much tolerance and large ones with little: letters that are smoothed another way hardly change a mean, while a panel, a
 * line of text or a colour does. Chromium reads and writes the files, so that no library has to.
 */
import type { Page } from "playwright-core";

export interface Thumbnail {
  /** CSS pixels of the page. */
  readonly width: number;
  readonly height: number;
  readonly columns: number;
  /** Red, green and blue of each cell, row by row. */
  readonly cells: Uint8Array;
}

export interface Difference {
  /** CSS pixels of the page. */
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly was: readonly number[];
  readonly is: readonly number[];
  /** How many times the tolerance it is off. */
  readonly excess: number;
}

/** CSS pixels. */
const cellSize = 16;
/** Sides of squares in cells, and by how much of 255 a mean may be off. */
const scales = [
  { cells: 1, tolerance: 30 },
  { cells: 2, tolerance: 14 },
  { cells: 4, tolerance: 5 },
] as const;

// These run in Chromium; the compiler of tests knows no DOM.
const drawScript = `const image = await createImageBitmap(await (await fetch(url)).blob());
  const { width, height } = image;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const pack = (bytes) => new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(new Blob([bytes]));
  });`;

const shrinkScript = `async (url, size) => {
  ${drawScript}
  const columns = Math.ceil(width / size);
  const count = columns * Math.ceil(height / size);
  const sums = new Float64Array(3 * count);
  for (let y = 0, at = 0; y < height; y++)
    for (let left = 0, cell = 3 * Math.floor(y / size) * columns; left < width; left += size, cell += 3) {
      let red = 0, green = 0, blue = 0;
      for (const end = at + 4 * Math.min(size, width - left); at < end; at += 4) {
        red += data[at];
        green += data[at + 1];
        blue += data[at + 2];
      }
      sums[cell] += red;
      sums[cell + 1] += green;
      sums[cell + 2] += blue;
    }
  const cells = Uint8Array.from(sums, (sum, at) => {
    const cell = Math.floor(at / 3);
    const [across, down] = [size * (cell % columns), size * Math.floor(cell / columns)];
    return Math.round(sum / (Math.min(size, width - across) * Math.min(size, height - down)));
  });
  return { width, height, columns, cells: await pack(cells) };
}`;

const readScript = `async (url) => {
  ${drawScript}
  return { columns: width, cells: await pack(data.filter((_, at) => at % 4 < 3)) };
}`;

/** Quality 1 is without loss. */
const writeScript = `async (cells, columns) => {
  const bytes = Uint8Array.from(atob(cells), (letter) => letter.charCodeAt(0));
  const count = bytes.length / 3;
  const canvas = new OffscreenCanvas(columns, count / columns);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  for (let cell = 0; cell < count; cell++) {
    image.data.set(bytes.subarray(3 * cell, 3 * cell + 3), 4 * cell);
    image.data[4 * cell + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  const file = await canvas.convertToBlob({ type: "image/webp", quality: 1 });
  return await new Promise((done) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.readAsDataURL(file);
  });
}`;

/**
 * @param blank a page without content
 * @param screenshot a JPEG
 * @param scale pixels of the screenshot for each CSS pixel
 */
export async function shrink(blank: Page, screenshot: Buffer, scale = 1): Promise<Thumbnail> {
  const url = `data:image/jpeg;base64,${screenshot.toString("base64")}`;
  const { width, height, columns, cells } = await blank.evaluate<{
    width: number;
    height: number;
    columns: number;
    cells: string;
  }>(`(${shrinkScript})(${JSON.stringify(url)}, ${cellSize * scale})`);
  return { width: width / scale, height: height / scale, columns, cells: Buffer.from(cells, "base64") };
}

/** @returns a WebP of one pixel for each cell */
export async function toFile(blank: Page, { columns, cells }: Thumbnail): Promise<Buffer> {
  const packed = Buffer.from(cells).toString("base64");
  return Buffer.from(
    await blank.evaluate<string>(`(${writeScript})(${JSON.stringify(packed)}, ${columns})`),
    "base64",
  );
}

/** @returns a thumbnail whose size is known to a cell */
export async function fromFile(blank: Page, file: Buffer): Promise<Thumbnail> {
  const url = `data:image/webp;base64,${file.toString("base64")}`;
  const { columns, cells: packed } = await blank.evaluate<{ columns: number; cells: string }>(
    `(${readScript})(${JSON.stringify(url)})`,
  );
  const cells = Buffer.from(packed, "base64");
  return { width: columns * cellSize, height: (cells.length / 3 / columns) * cellSize, columns, cells };
}

/** @returns where they differ, the worst first; thumbnails of other sizes differ as a whole */
export function compare(expected: Thumbnail, actual: Thumbnail): Difference[] {
  if (expected.columns !== actual.columns || expected.cells.length !== actual.cells.length) {
    const [was, is] = [expected, actual].map(({ width, height }) => [width, height]) as [number[], number[]];
    return [{ x: 0, y: 0, size: 0, was, is, excess: Number.POSITIVE_INFINITY }];
  }
  return scales
    .flatMap(({ cells, tolerance }) => {
      const after = squaresOf(actual, cells);
      return squaresOf(expected, cells).map(({ x, y, mean: was }, at) => {
        const is = after[at]?.mean ?? [];
        const excess = Math.max(...was.map((part, index) => Math.abs(part - (is[index] ?? 0)))) / tolerance;
        return { x, y, size: cells * cellSize, was, is, excess };
      });
    })
    .filter(({ excess }) => excess > 1)
    .sort((a, b) => b.excess - a.excess);
}

function squaresOf({ columns, cells }: Thumbnail, side: number) {
  const rows = cells.length / 3 / columns;
  const squares: { readonly x: number; readonly y: number; readonly mean: readonly number[] }[] = [];
  for (let top = 0; top < rows; top += side)
    for (let left = 0; left < columns; left += side) {
      const sum = [0, 0, 0];
      let count = 0;
      for (let row = top; row < Math.min(rows, top + side); row++)
        for (let column = left; column < Math.min(columns, left + side); column++) {
          count++;
          for (let part = 0; part < 3; part++)
            sum[part] = (sum[part] ?? 0) + (cells[3 * (row * columns + column) + part] ?? 0);
        }
      squares.push({ x: left * cellSize, y: top * cellSize, mean: sum.map((part) => part / count) });
    }
  return squares;
}

const maxDescribed = 4;

/** For a person who has to find out what has changed. */
export function describeDifferences(differences: readonly Difference[]): string {
  const lines = differences.slice(0, maxDescribed).map(({ x, y, size, was, is }) => {
    if (size === 0) return `  it is ${is.join(" × ")} px, and was about ${was.join(" × ")} px`;
    const [before, after] = [was, is].map((mean) => `rgb(${mean.map(Math.round).join(" ")})`);
    return `  at ${x}, ${y}, ${size} px square: ${after}, and was ${before}`;
  });
  const more = differences.length - lines.length;
  return [...lines, ...(more > 0 ? [`  and ${more} more squares`] : [])].join("\n");
}
