/** What a run of the lab has found, as words, tables, charts and pages. Runs anywhere: no Node.js, no DOM. */
export { chartSheet, chartsOf, type NamedChart } from "./charts.js";
export { classicClaim } from "./claim.js";
export * from "./figures.js";
export { htmlReport } from "./html-report.js";
export * from "./lab-result.js";
export * from "./numbers.js";
export { type LabTable, markdownTable, tableOf } from "./table.js";
export { judge, type Verdict, type VerdictLine } from "./verdict.js";
