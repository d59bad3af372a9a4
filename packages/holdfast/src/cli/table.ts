/** Tables and colours for people at a terminal. */

const styles = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const;

export type Style = keyof typeof styles;

/** https://no-color.org: any value but the empty one. */
export function hasColours(
  stream: { readonly isTTY?: boolean | undefined },
  { NO_COLOR, TERM }: NodeJS.ProcessEnv,
): boolean {
  return stream.isTTY === true && (NO_COLOR ?? "") === "" && TERM !== "dumb";
}

const isColoured = hasColours(process.stdout, process.env);

export function paint(style: Style, text: string, isOn = isColoured): string {
  const [on, off] = styles[style];
  return isOn ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

export interface Column {
  readonly name: string;
  /** @default false */
  readonly isNumber?: boolean;
}

/** Cells are clipped to 60 characters; what peers chose cannot move the cursor. */
export function tableOf(columns: readonly Column[], rows: readonly (readonly unknown[])[]): string {
  const lines = [
    columns.map(({ name }) => name),
    ...rows.map((row) => row.map((cell) => clip(String(cell ?? "–")))),
  ];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const [head, ...body] = lines.map((line) =>
    line
      .map((cell, i) => (columns[i]?.isNumber ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
  return [paint("dim", head ?? ""), ...body].join("\n");
}

const maxCellCharacters = 60;

function clip(text: string): string {
  const plain = text.replace(/\p{Cc}/gu, "?");
  return plain.length <= maxCellCharacters ? plain : `${plain.slice(0, maxCellCharacters - 1)}…`;
}

/** A duration in the largest unit that it has at least two of. */
export function durationOf(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
