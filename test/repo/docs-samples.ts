/**
 * The code in the guides: every block of TypeScript and JavaScript, as a program by itself. An invisible line before a
 * block says where that is not so: `<!-- sample: continues -->` goes on after the page's block before, `<!-- sample: file
 * NAME -->` is what others import, and `<!-- sample: fragment -->` is no program at all.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Sample {
  /** "README.md#2": the page, and which of its blocks. */
  readonly name: string;
  /** The line of the page that its first line stands on. */
  readonly line: number;
  readonly file: string;
  readonly code: string;
  readonly isFragment: boolean;
}

const folders = ["docs/howto", "docs/tutorial", "docs/reference", "docs/explanation"];
const block = /(?:<!-- sample: ([^\n]*) -->\n)?```(tsx?|jsx?)\n(.*?)^```$/gms;

export function listPages(root: string): string[] {
  const inFolder = (folder: string) => {
    const names = readdirSync(join(root, folder)).filter((name) => name.endsWith(".md"));
    return names.map((name) => `${folder}/${name}`);
  };
  const existing = readdirSync(join(root, "docs")).map((name) => `docs/${name}`);
  return ["README.md", ...folders.filter((folder) => existing.includes(folder)).flatMap(inFolder)];
}

/** @throws Error for a mark that is not known */
export function readSamples(root: string, page: string): Sample[] {
  const text = readFileSync(join(root, page), "utf8");
  const samples: Sample[] = [];
  for (const [index, match] of [...text.matchAll(block)].entries()) {
    const [, mark = "", language = "ts", code = ""] = match;
    const [kind = "", argument] = mark.split(" ");
    if (!["", "continues", "file", "fragment"].includes(kind))
      throw new Error(`${page} has an unknown mark: ${mark}`);
    const start = match.index + match[0].indexOf("```");
    const before = kind === "continues" ? (samples.at(-1)?.code ?? "") : "";
    const stem = page
      .replace(/^docs\//, "")
      .replace(/\.md$/, "")
      .replaceAll("/", "-");
    samples.push({
      name: `${page}#${index + 1}`,
      line: text.slice(0, start).split("\n").length + 1 - before.split("\n").length + 1,
      // JavaScript is held to the same types.
      file: argument ?? `${stem}-${index + 1}.${language.endsWith("x") ? "tsx" : "ts"}`,
      code: before + code,
      isFragment: kind === "fragment",
    });
  }
  return samples;
}
