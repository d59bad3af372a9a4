/** Options as texts: what flags and variables say, and how values are shown. */
import type { ConfigOption } from "./option-table.js";

const yes = ["true", "yes", "on", "1"];
const no = ["false", "no", "off", "0"];

/** What is accepted of a flag or variable, to follow "must be". */
export function textAdvice({ kind, choices = [], nullWord, path }: ConfigOption): string {
  switch (kind) {
    case "integer":
      return `a whole number, or ${nullWord} where the bound may be lifted`;
    case "boolean":
      return "true or false";
    case "choice":
      return `one of ${choices.join(", ")}`;
    case "list":
      return "texts with commas between them";
    default:
      return path === "data" || path === "pages" ? `a path, or ${nullWord}` : "a text that is not empty";
  }
}

/** The option's value, or undefined where the text is none. */
export function parseOptionText(option: ConfigOption, text: string): unknown {
  const word = text.trim();
  if (word === option.nullWord && option.kind !== "list" && option.kind !== "text") return null;
  switch (option.kind) {
    case "integer":
      return parseInteger(word);
    case "boolean":
      return yes.includes(word.toLowerCase()) ? true : no.includes(word.toLowerCase()) ? false : undefined;
    case "choice":
      return option.choices?.includes(word) ? word : undefined;
    case "list":
      return parseList(word);
    default:
      return word === "" ? undefined : text;
  }
}

function parseInteger(word: string): number | undefined {
  const value = Number(word);
  return word !== "" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function parseList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
