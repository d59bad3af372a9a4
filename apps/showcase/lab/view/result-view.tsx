/** What came of a run: a verdict in words, the table, the drawings, and the report to keep. */
import {
  classicClaim,
  createTable,
  drawCharts,
  htmlReport,
  judge,
  type LabResult,
  transportInfo,
} from "@holdfast/lab/report";

export function ResultView({ result }: { result: LabResult }) {
  const verdict = judge(result.settings, result.measurements);
  const claim = classicClaim(result);
  return (
    <section class="lab-result" aria-label="Result" data-testid="result">
      <div class="lab-verdict" role="status">
        <h2>{verdict.title}</h2>
        <ul>
          {verdict.reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      </div>
      {claim && <p class="panel">{claim}</p>}
      <ResultTable result={result} chosen={verdict.transport} />
      <ul class="panel lab-others">
        {verdict.others.map(({ transport, line }) => (
          <li key={transport}>
            <strong>{transportInfo[transport].title}:</strong> {line}
          </li>
        ))}
      </ul>
      {verdict.caveats.length > 0 && (
        <ul class="panel lab-caveats" aria-label="Caveats">
          {verdict.caveats.map((caveat) => (
            <li key={caveat}>{caveat}</li>
          ))}
        </ul>
      )}
      <div class="lab-charts">
        {drawCharts(result).map(({ name, svg }) => (
          <div key={name} class="panel" dangerouslySetInnerHTML={{ __html: svg }} />
        ))}
      </div>
      <button type="button" class="button" onClick={() => save(htmlReport(result))}>
        Save report
      </button>
    </section>
  );
}

function ResultTable({ result, chosen }: { result: LabResult; chosen: string | null }) {
  const { heads, rows, reference, notes } = createTable(result);
  return (
    <div class="panel">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, also with the keyboard alone */}
      <section class="lab-table" tabIndex={0} aria-label="Table of costs">
        <table>
          <thead>
            <tr>
              {heads.map((lines, index) => (
                <th key={index} scope="col">
                  {lines.join(" ")}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(([name = "", ...cells], index) => (
              <tr key={name} class={result.measurements[index]?.transport === chosen ? "chosen" : ""}>
                <th scope="row">{name}</th>
                {cells.map((cell, place) => (
                  <td key={heads[place + 1]?.join(" ")}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p class="soft small">{[...(reference ? [`Ratios are to ${reference}.`] : []), ...notes].join(" ")}</p>
    </div>
  );
}

function save(html: string): void {
  const url = URL.createObjectURL(new Blob([html], { type: "text/html" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = "holdfast-lab.html";
  link.click();
  URL.revokeObjectURL(url);
}
