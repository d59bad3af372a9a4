import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { errorCodes } from "../../../src/errors.js";
import { defaultReadEntries } from "../../../src/sessions/reading.js";
import { errorTable, httpStatusOf } from "../../../src/wire/codes.js";

const text = readFileSync(
  join(import.meta.dirname, "../../../../../docs/reference/http-channels.md"),
  "utf8",
);
/** The first cells of a table's rows. */
const rowsUnder = (heading: string) =>
  (text.split(`${heading}\n`)[1] ?? "").split("\n## ")[0]?.match(/^\| [^|-][^|]* \|/gm) ?? [];

describe("HTTP channels reference", () => {
  it("lists every status an error can have", () => {
    const listed = rowsUnder("## Statuses").join(" ");
    const names = [
      "badRequest",
      "unauthorized",
      "permissionDenied",
      "unknownChannel",
      "tokenExpired",
    ] as const;
    const others = ["tooManyRequests", "unrecoverablePosition", "internal"] as const;
    const statuses = [...names, ...others].map((name) => httpStatusOf(errorTable[name].code));
    const stored = [errorCodes.HF_BROKER_FULL, errorCodes.HF_MAP_FULL, errorCodes.HF_STORE_FAILED];
    for (const status of [...statuses, ...stored.map((code) => code.status), 405, 413, 415])
      expect(listed).toContain(String(status));
  });

  it("lists exactly the accepted parameters", () => {
    const listed = rowsUnder("## Read: `GET /channels/{channel}`").flatMap(
      (row) => /`(\w+)`/.exec(row)?.[1] ?? [],
    );
    expect(listed).toEqual(["since", "limit", "wait", "cursor", "token", "channel_token"]);
    expect(text).toContain(`Without \`since\`, ${defaultReadEntries} by default`);
  });
});
