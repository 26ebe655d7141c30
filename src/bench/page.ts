import { type Html, html } from './html.ts';

export interface Page {
  /** Of the tab, and the heading. */
  readonly title: string;
  /** What was measured and how, a line each. */
  readonly lead: readonly string[];
  readonly sections: readonly Html[];
  readonly footer: string;
}

/** A whole document that needs nothing else: no script, no font, no request. */
export function renderPage({ title, lead, sections, footer }: Page): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${lead.map((line) => html`<p class="lead">${line}</p>\n`)}${sections}<footer>${footer}</footer>
</main>
</body>
</html>
`;
  return page.html;
}

/** The first row is the head, which may be empty, and the first cell of each row says what the row is about. */
export function renderTable(
  caption: string,
  [head = [], ...rows]: readonly (readonly string[])[],
): Html {
  return html`<table>
<caption>${caption}</caption>
${head.length === 0 ? html`` : html`<thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead>`}
<tbody>
${rows.map(
  ([first = '', ...cells]) =>
    html`<tr><th scope="row">${first}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>\n`,
)}</tbody>
</table>
`;
}

/** @param kind whether they are what was found, or what to beware of */
export function renderNotes(
  notes: readonly string[],
  kind: 'findings' | 'warnings',
  isMain: (note: string) => boolean = () => false,
): Html {
  if (notes.length === 0) return html``;
  return html`<ul class="notes ${kind}">
${notes.map((note) => html`<li${isMain(note) ? html` class="main"` : html``}>${note}</li>\n`)}</ul>
`;
}

/** Few figures, large. */
export function renderTiles(tiles: readonly (readonly [name: string, figure: string])[]): Html {
  return html`<dl class="tiles">
${tiles.map(([name, figure]) => html`<div><dt>${name}</dt><dd>${figure}</dd></div>\n`)}</dl>
`;
}

const LIGHT = `--page:#ffffff;--panel:#f4f5f7;--text:#1b1f24;--faint:#5b6470;--grid:#dfe3e8;
--note:#fff4d6;--note-edge:#d29b00;--s0:#1d5fd1;--s1:#c2410c;--s2:#0f766e;--s3:#7e3ac4;`;
const DARK = `--page:#14171b;--panel:#1e2329;--text:#e7eaee;--faint:#a0a9b4;--grid:#323942;
--note:#332b14;--note-edge:#d8a93a;--s0:#82aaff;--s1:#ff9e64;--s2:#56d4c4;--s3:#caa2ff;`;
const SERIES = [0, 1, 2, 3]
  .map(
    (nth) => `.line.s${nth}{stroke:var(--s${nth})}.dot.s${nth},.name.s${nth}{fill:var(--s${nth})}`,
  )
  .join('\n');

const STYLE = `
:root{${LIGHT}}
@media (prefers-color-scheme:dark){:root{${DARK}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{max-width:820px;margin:0 auto;padding:32px 20px 48px}
h1{margin:0 0 8px;font-size:28px;line-height:1.25;overflow-wrap:anywhere}
h2{margin:40px 0 0;font-size:20px}
.lead{margin:0;color:var(--faint);overflow-wrap:anywhere}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:24px 0 0}
.tiles div{background:var(--panel);border-radius:8px;padding:12px 16px}
.tiles dt{color:var(--faint);font-size:.875em}
.tiles dd{margin:0;font-size:24px;font-weight:600;font-variant-numeric:tabular-nums}
.notes{margin:24px 0 0;padding:0;list-style:none}
.notes li{border-left:4px solid;padding:10px 14px;margin:8px 0 0}
.findings li{background:var(--panel);border-color:var(--grid)}
.findings .main{border-color:var(--s0);font-weight:600}
.warnings li{background:var(--note);border-color:var(--note-edge)}
figure{margin:32px 0 0}
figcaption,caption{font-weight:600;text-align:left;padding:0 0 8px}
svg{display:block;width:100%;height:auto}
svg text{font-size:12px;fill:var(--faint)}
svg .name{font-size:13px;font-weight:600}
.grid{stroke:var(--grid)}
.tick{stroke:var(--faint)}
.line{fill:none;stroke-width:2.25;stroke-linejoin:round}
.dot{stroke:var(--page);stroke-width:1.5}
${SERIES}
.line.reference{stroke:var(--faint);stroke-dasharray:5 4;stroke-width:1.5}
.dot.reference,.name.reference{fill:var(--faint)}
table{border-collapse:collapse;width:100%;margin:32px 0 0;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--grid);font-weight:400;white-space:nowrap}
thead th{color:var(--faint);font-size:.875em}
th:first-child{text-align:left;padding-left:0}
th:last-child,td:last-child{padding-right:0}
footer{margin:40px 0 0;padding:16px 0 0;border-top:1px solid var(--grid);color:var(--faint);
font-size:.875em;overflow-wrap:anywhere}
@media screen and (max-width:640px){
figure{overflow-x:auto}
svg{min-width:560px}
table{display:block;overflow-x:auto}
}
@page{margin:14mm}
@media print{
:root{${LIGHT}}
body{font-size:12px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
main{max-width:none;padding:0}
h1{font-size:22px}
figure{max-width:138mm}
figure,table,footer{margin-top:16px}
th,td{padding:4px 8px}
figure,table,.tiles,.notes li{break-inside:avoid}
h2{break-after:avoid}
}
`;
