/** How the report looks: sand and deep water, one warm accent. Every text and background pair is at least 4.5:1. */
export const reportStyles = `
:root{color-scheme:light dark;--paper:#f6f3ec;--surface:#fffdf9;--ink:#14262a;--ink-soft:#50605f;--line:#e0d9cb;--accent:#b23f0c;
--deep:#0f3438;--deep-ink:#f3eee2;--deep-soft:#a9c2bf;--deep-accent:#ffa26b;--wait:#805006;--wait-tint:#faecc9;
--text:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
--display:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua","Noto Serif",Georgia,serif}
@media (prefers-color-scheme:dark){:root{--paper:#0e1618;--surface:#152124;--ink:#e8eeea;--ink-soft:#9fb2b0;--line:#31464a;
--accent:#ff9a60;--deep:#0a1113;--deep-ink:#e8eeea;--deep-soft:#93a8a6;--deep-accent:#ff9a60;--wait:#f0c264;--wait-tint:#33280f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--text)}
main,header>div,footer>div{max-width:72rem;margin:0 auto;padding:0 1rem}
header{background:var(--deep);color:var(--deep-ink);padding:2rem 0 2.25rem}
header p{margin:.5rem 0 0;max-width:46rem}
.eyebrow{color:var(--deep-accent);font-size:.8125rem;letter-spacing:.08em;text-transform:uppercase;margin:0 0 .75rem}
h1{font:600 clamp(1.75rem,5vw,2.75rem)/1.15 var(--display);margin:0;max-width:22em;text-wrap:balance}
h2{font:600 1.375rem/1.3 var(--display);margin:2.5rem 0 .75rem}
header .asked{color:var(--deep-soft)}
header ul{margin:1rem 0 0;padding-left:1.1rem;max-width:46rem}
li{margin:.35rem 0}
.claim{font:1.125rem/1.5 var(--display);border-left:3px solid var(--accent);margin:2rem 0;padding:.25rem 0 .25rem 1rem;max-width:44rem}
.caveats{background:var(--wait-tint);color:var(--ink);border-radius:.875rem;padding:.75rem 1rem;margin:1.5rem 0}
.caveats strong{color:var(--wait)}.caveats ul{margin:.25rem 0 0;padding-left:1.1rem}
.charts{columns:3 20rem;column-gap:1rem}
.card,.wide{background:var(--surface);border:1px solid var(--line);border-radius:.875rem}
.card{padding:.75rem .875rem;margin:0 0 1rem;break-inside:avoid}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
th,td{padding:.55rem .75rem;text-align:right;white-space:nowrap;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--ink-soft);font-weight:500;vertical-align:bottom;line-height:1.3}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--surface)}
tbody th{font-weight:600}
tr.chosen th,tr.chosen td{color:var(--accent)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt{color:var(--ink-soft)}dd{margin:0;overflow-wrap:anywhere}
.two{display:grid;gap:0 2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
.note{color:var(--ink-soft);font-size:.9375rem}
footer{border-top:1px solid var(--line);margin-top:3rem;padding:1.25rem 0 2rem;color:var(--ink-soft);font-size:.875rem}
@media (max-width:30rem){th,td{padding:.5rem .55rem}tbody th{white-space:normal}dl{grid-template-columns:1fr}dd{margin-bottom:.35rem}}
@media print{header{background:none;color:inherit}}
`;
