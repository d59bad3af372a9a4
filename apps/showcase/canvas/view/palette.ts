/** What one draws with: each colour in a shade for light boards and one for dark ones, at least 3:1 on them. */

export interface Palette {
  readonly board: string;
  readonly colours: readonly string[];
}

/** In the order of the numbers that messages have. */
export const colourNames = [
  "Ink",
  "Kelp",
  "Deep water",
  "Dusk",
  "Coral",
  "Amber",
  "Moss",
  "Anemone",
] as const;
export const widthNames = ["Fine", "Middle", "Broad", "Brush"] as const;

export const lightPalette: Palette = {
  board: "#fffdf9",
  colours: ["#14262a", "#0b615c", "#245c8f", "#5b4a9e", "#c2410c", "#a16207", "#3f7d2b", "#b0397a"],
};
export const darkPalette: Palette = {
  board: "#16282b",
  colours: ["#e8eeea", "#4fd0c0", "#74b3ea", "#ab98f0", "#ff8a4f", "#f2c14e", "#9bd06a", "#f58cc0"],
};

/** A colour with some of another in it, as what fades has of the board. @param share from 0 to 1, of the first */
export function mix(colour: string, other: string, share: number): string {
  if (share >= 1) return colour;
  const channels = [1, 3, 5].map((at) => {
    const [a, b] = [colour, other].map((each) => Number.parseInt(each.slice(at, at + 2), 16)) as [
      number,
      number,
    ];
    return Math.round(b + (a - b) * share);
  });
  return `rgb(${channels.join(" ")})`;
}
