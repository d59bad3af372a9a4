/** Reads the exposition format as strictly as Prometheus does, and a little more so: families in one piece, no sample twice. */

export interface Family {
  readonly type: string;
  readonly help: string;
  /** By name and labels as written: `name{a="b"}`. */
  readonly samples: ReadonlyMap<string, number>;
}

const helpLine = /^# HELP ([a-zA-Z_:][\w:]*) (.*)$/;
const typeLine = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram)$/;
const sampleLine =
  /^([a-zA-Z_:][\w:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"(?:,|(?=\})))*)\})? (NaN|[+-]Inf|-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/;

/** @throws if a line is not of the format */
export function parseExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const families = new Map<string, { type: string; help: string; samples: Map<string, number> }>();
  const lines = text.slice(0, -1).split("\n");
  let name = "";
  for (const line of lines) {
    const [, helped, help = ""] = helpLine.exec(line) ?? [];
    const [, typed, type = ""] = typeLine.exec(line) ?? [];
    if (helped !== undefined) {
      if (families.has(helped)) throw new Error(`twice: ${line}`);
      name = helped;
      families.set(name, { type: "", help, samples: new Map() });
    } else if (typed !== undefined) {
      if (typed !== name) throw new Error(`not after its help: ${line}`);
      (families.get(name) as { type: string }).type = type;
    } else addSample(families.get(name), name, line);
  }
  return families;
}

function addSample(
  family: { readonly type: string; readonly samples: Map<string, number> } | undefined,
  name: string,
  line: string,
): void {
  const [, own = "", , value = ""] = sampleLine.exec(line) ?? [];
  const suffix = own.slice(name.length);
  const isOfFamily =
    family &&
    own.startsWith(name) &&
    (family.type === "histogram" ? /^_(bucket|sum|count)$/ : /^$/).test(suffix);
  if (!isOfFamily) throw new Error(`unexpected line: ${line}`);
  const key = line.slice(0, line.lastIndexOf(" "));
  if (family.samples.has(key)) throw new Error(`twice: ${line}`);
  family.samples.set(key, Number(value.replace("Inf", "Infinity")));
}
