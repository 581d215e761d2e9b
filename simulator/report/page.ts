import { escapeHtml } from "./escape-html.ts";
import { policyColor, policyDash, type ReportPlot } from "./plot-kit.ts";

/** What a page is made of. Texts are plain: they are escaped here. */
export interface PageContent {
  readonly title: string;
  readonly subtitle: string;
  /** Names of the policies in their order. */
  readonly policies: readonly string[];
  readonly verdicts: readonly { readonly verdict: string; readonly text: string }[];
  readonly plots: readonly ReportPlot[];
  readonly tables: readonly PageTable[];
  readonly assumptions: readonly string[];
}

/** One table of figures: the first row and the first column are heads. */
export interface PageTable {
  readonly caption: string;
  readonly rows: readonly (readonly string[])[];
}

/** One HTML document that needs nothing else: no script, no font, no address. */
export function formatPage(content: PageContent): string {
  const { title, subtitle, policies, verdicts, plots, tables, assumptions } = content;
  const legend = formatLegend(policies);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<header><h1>${escapeHtml(title)}</h1><p>${escapeHtml(subtitle)}</p>${legend}</header>
<main>
${verdicts.length === 0 ? "" : formatVerdicts(verdicts)}
${plots.map((plot) => formatPlot(plot, legend)).join("\n")}
${tables.map(formatTable).join("\n")}
<section class="wide" id="assumed"><h2>What was assumed</h2><ul>${assumptions.map((line) => `<li>${escapeHtml(line)}</li>`).join("")}</ul></section>
</main>
</body>
</html>
`;
}

function formatLegend(policies: readonly string[]): string {
  const entries = policies.map((name, at) => {
    const line = `<line x1="1" x2="25" y1="6" y2="6" stroke="${policyColor(at)}" stroke-width="4" stroke-dasharray="${policyDash(at)}"/>`;
    return `<li><svg width="26" height="12" aria-hidden="true">${line}</svg>${escapeHtml(name)}</li>`;
  });
  return `<ul class="legend">${entries.join("")}</ul>`;
}

/** More verdicts than these are shown when asked for. */
const mostOpen = 15;

function formatVerdicts(verdicts: PageContent["verdicts"]): string {
  const items = verdicts.map(({ verdict, text }) => {
    const [head = "", ...rest] = text.split(": ");
    return `<li class="${escapeHtml(verdict)}"><strong>${escapeHtml(head)}</strong>${escapeHtml(rest.length > 0 ? `: ${rest.join(": ")}` : "")}</li>`;
  });
  const list = `<ul class="verdicts">${items.join("")}</ul>`;
  const isShort = items.length <= mostOpen;
  const shown = isShort ? list : `<details><summary>${items.length} verdicts</summary>${list}</details>`;
  return `<section class="wide" id="verdicts"><h2>Verdicts</h2>${shown}</section>`;
}

function formatPlot({ id, title, caption, panels, isWide, hasPolicies }: ReportPlot, legend: string): string {
  const drawn = panels.map(
    ({ heading, svg }) => `<div class="panel">${heading === "" ? "" : `<h3>${escapeHtml(heading)}</h3>`}${svg}</div>`,
  );
  const panelsClass = isWide === true ? "panels across" : "panels";
  return `<section${isWide === true ? ' class="wide"' : ""} id="${escapeHtml(id)}"><figure><h2>${escapeHtml(title)}</h2><div class="${panelsClass}">${drawn.join("")}</div>${hasPolicies === true ? legend : ""}<figcaption>${escapeHtml(caption)}</figcaption></figure></section>`;
}

function formatTable({ caption, rows: [head = [], ...rows] }: PageTable): string {
  const top = head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`).join("");
  const body = rows.map(
    ([first = "", ...cells]) =>
      `<tr><th scope="row">${escapeHtml(first)}</th>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`,
  );
  return `<section class="wide"><h2>${escapeHtml(caption)}</h2><div class="scroll"><table><thead><tr>${top}</tr></thead><tbody>${body.join("")}</tbody></table></div></section>`;
}

/** Colors after Okabe and Ito, told apart by people who see fewer colors; lighter where the page is dark. */
const style = `
:root{--page:#f6f7f9;--card:#fff;--ink:#1c2430;--soft:#5b6675;--line:#dfe3e8;
--policy-0:#0072b2;--policy-1:#d55e00;--policy-2:#009e73;--policy-3:#b5548c;--policy-4:#e69f00;--policy-5:#2f9ad6;--policy-6:#6b5b00;--policy-7:#555b63;
--better:#0072b2;--worse:#d55e00;--undecided:#7a838f;--heat-low:#eef3f7;--heat-high:#08306b}
@media (prefers-color-scheme:dark){:root{--page:#11161d;--card:#1a212b;--ink:#e6eaf0;--soft:#9aa6b5;--line:#2c3643;
--policy-0:#4fb3f0;--policy-1:#ff8a3d;--policy-2:#2fd0a2;--policy-3:#e79ac5;--policy-4:#f5c04a;--policy-5:#9ad4f7;--policy-6:#d8cb5a;--policy-7:#b7c0cb;
--better:#4fb3f0;--worse:#ff8a3d;--undecided:#8d97a5;--heat-low:#1d2733;--heat-high:#a8dcff}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1320px;padding:28px 20px 48px;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:25px;line-height:1.25;margin:0 0 4px}h2{font-size:16px;margin:0 0 10px}h3{font-size:13px;font-weight:600;color:var(--soft);margin:8px 0 2px}
header{margin-bottom:20px}header p{margin:0 0 10px;color:var(--soft)}
main{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:18px}
section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:16px 18px;min-width:0}
.wide{grid-column:1/-1}
figure{margin:0}figcaption{color:var(--soft);font-size:13px;margin-top:8px}
.panels.across{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:14px}
svg{display:block;max-width:100%;height:auto}.panel>svg{width:100%}
.legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:6px 0 0;padding:0;font-size:13px}.legend li{display:flex;align-items:center;gap:7px}
summary{cursor:pointer}details .verdicts{margin-top:10px}
.verdicts{list-style:none;margin:0;padding:0;display:grid;gap:8px}.verdicts li{border-left:4px solid var(--undecided);padding:2px 12px}
.verdicts .better{border-color:var(--better)}.verdicts .worse{border-color:var(--worse)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px;white-space:nowrap}
th,td{padding:5px 14px 5px 0;text-align:right;border-bottom:1px solid var(--line)}th[scope=row],thead th:first-child{text-align:left;font-weight:500}thead th{color:var(--soft);font-weight:600}
#assumed ul{margin:0;padding-left:20px}#assumed li{margin:4px 0}
@media (max-width:900px){main,.panels.across{grid-template-columns:minmax(0,1fr)}}
@media print{body{max-width:none}section{break-inside:avoid}}
`;
