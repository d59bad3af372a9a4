/** What a run of the lab measured, as words, tables, charts and pages. Runs anywhere: no Node.js, no DOM. */
export { drawChartSheet, drawCharts, type LabChart } from "./charts.js";
export * from "./figures.js";
export { htmlReport } from "./html-report.js";
export * from "./lab-result.js";
export * from "./numbers.js";
export { element, escapeXml, textAt, wrapWords } from "./svg.js";
export { createTable, type LabTable, markdownTable } from "./table.js";
export { judge, type Verdict, type VerdictLine } from "./verdict.js";
export { classicClaim } from "./verdict-words.js";
