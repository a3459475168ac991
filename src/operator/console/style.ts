/** @module The console's style sheet, as text. Runs in: the Worker. */

/** The console's style: one column, system fonts, tabular figures, light and dark by the reader's setting. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f7f8f8, #101415);
  --raised: light-dark(#ffffff, #171c1e);
  --line: light-dark(#dde2e3, #2b3336);
  --ink: light-dark(#172023, #e4eaeb);
  --soft: light-dark(#566468, #98a6aa);
  --accent: light-dark(#0f766e, #4fd1c0);
  --sent: light-dark(#8fa6b2, #5d7480);
  --prevented: light-dark(#0f9488, #2fb8a6);
  --refused: light-dark(#d99a1c, #d9a441);
  --bad: light-dark(#b42318, #ff8a7a);
  --bad-ground: light-dark(#fdf0ee, #33191a);
  --busy: light-dark(#1d5fa8, #7fb8f5);
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
* { box-sizing: border-box }
body {
  margin: 0;
  background: var(--ground);
  color: var(--ink);
  font: 0.9375rem/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif;
  font-variant-numeric: tabular-nums;
}
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 0.2em }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px }
main:focus { outline: none }
code, pre { font-family: var(--mono); font-size: 0.92em }
.key, .path, h1, h2, h2 code, .lede, .notice, .empty, footer { overflow-wrap: anywhere }
.path { display: inline-block; min-width: 7rem; white-space: normal }
.skip { position: absolute; left: -100vw }
.skip:focus { left: 1rem; top: 1rem; background: var(--raised); padding: 0.5rem 1rem; z-index: 1 }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }

.top {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.6rem 1.75rem;
  padding: 0.7rem max(1.25rem, calc((100vw - 74rem) / 2));
  background: var(--raised);
  border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: 0.55rem; color: var(--ink); font-weight: 650; letter-spacing: -0.01em; text-decoration: none }
.top nav { display: flex; gap: 1.25rem }
.top nav a { color: var(--soft); text-decoration: none; padding: 0.3rem 0; border-bottom: 2px solid transparent }
.top nav a:hover { color: var(--ink) }
.top nav a[aria-current] { color: var(--ink); border-color: var(--accent) }
search { margin-left: auto; flex: 0 1 25rem }
.find { display: flex; gap: 0.4rem }
.find input { flex: 1; min-width: 0 }

input, select, button {
  font: inherit;
  color: inherit;
  background: var(--ground);
  border: 1px solid light-dark(#879498, #66757a);
  border-radius: 6px;
  padding: 0.36rem 0.7rem;
}
input::placeholder { color: var(--soft); opacity: 1 }
select { max-width: 100% }
button { cursor: pointer; font-weight: 550; background: var(--raised) }
button:hover { border-color: var(--ink) }
button.danger { background: light-dark(#b42318, #a3281d); border-color: transparent; color: #fff }
button.danger:hover { background: light-dark(#8f1b12, #8a2017) }

form { margin: 0 }
main { max-width: 76.5rem; margin: 0 auto; padding: 1.6rem 1.25rem 3rem }
h1 { font-size: 1.5rem; line-height: 1.2; letter-spacing: -0.02em; font-weight: 650; margin: 0 }
h2 { font-size: 1rem; letter-spacing: -0.005em; font-weight: 650; margin: 2rem 0 0.6rem }
h1 code { font-size: 0.85em; font-weight: 500 }
p { max-width: 46rem; margin: 0.7rem 0 }
.lede { color: var(--soft) }
.headline { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0.4rem 1.5rem }
.headline h2 { margin-bottom: 0.6rem }
.choice { display: flex; gap: 0.25rem; font-size: 0.875rem }
.choice a { padding: 0.25rem 0.65rem; border-radius: 6px; color: var(--soft); text-decoration: none }
.choice a:hover { color: var(--ink) }
.choice a[aria-current] { color: var(--ink); background: var(--raised); box-shadow: inset 0 0 0 1px var(--line) }

.figures {
  display: grid;
  grid-template-columns: 1.6fr repeat(4, 1fr) 1.25fr;
  gap: 1px;
  margin: 1.2rem 0 1.5rem;
  background: var(--line);
  border: 1px solid var(--line);
  border-radius: 10px;
  overflow: hidden;
}
.figures > div { background: var(--raised); padding: 0.9rem 1.1rem 0.85rem; display: flex; flex-direction: column }
.figures dt { color: var(--soft); font-size: 0.8125rem }
.figures dd { margin: 0; white-space: nowrap; font-size: 1.45rem; line-height: 1.3; font-weight: 600; letter-spacing: -0.02em }
.figures .hero dd { font-size: 2.3rem; line-height: 1.15; color: var(--accent) }
.figures dd.note, .figures .hero dd.note { white-space: normal; font-size: 0.8125rem; line-height: 1.4; font-weight: 400; letter-spacing: 0; color: var(--soft); margin-top: auto; padding-top: 0.15rem }
.figures .alarm { background: var(--bad-ground) }
.alarm dt, .alarm dd, .figures .alarm dd.note, .figures .alarm a, td.alarm { color: var(--bad); font-weight: 600 }

.chart { margin: 0; background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.1rem }
.chart figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0.3rem 1.5rem; font-size: 0.8125rem; color: var(--soft) }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; list-style: none; margin: 0; padding: 0 }
.legend svg { margin-right: 0.4rem }
.plot { display: grid; grid-template-columns: auto 1fr; gap: 0.35rem 0.6rem; margin: 0.9rem 0 0.5rem; font-size: 0.75rem; color: var(--soft) }
.y { display: flex; flex-direction: column; justify-content: space-between; text-align: right; margin: -0.6em 0 }
.bars { width: 100%; height: 11rem; overflow: visible }
.x { grid-column: 2; width: 100%; height: 1.3em; overflow: visible }
.x text { fill: var(--soft); font-size: 0.75rem; text-anchor: middle }
.x .last { text-anchor: end }
.grid { stroke: var(--line); vector-effect: non-scaling-stroke }
.hover { fill: transparent }
g:hover .hover { fill: light-dark(#1720230d, #ffffff14) }
.sent { fill: var(--sent) } .prevented { fill: var(--prevented) } .refused { fill: var(--refused) } .bad { fill: var(--bad) }
summary { cursor: pointer; color: var(--soft); font-size: 0.8125rem; width: fit-content }
summary:hover { color: var(--ink) }

.scroll { overflow-x: auto }
table { border-collapse: collapse; width: 100%; background: var(--raised); font-size: 0.875rem }
section > table, .scroll, table.executions { border: 1px solid var(--line); border-radius: 10px }
table.executions, section > table { border-collapse: separate; border-spacing: 0; overflow: hidden }
th, td { text-align: left; padding: 0.45rem 0.9rem; border-bottom: 1px solid var(--line); font-weight: 400; white-space: nowrap }
tbody tr:last-child > * { border-bottom: 0 }
thead th { color: var(--soft); font-size: 0.8125rem }
.number { text-align: right }
tbody tr:hover > * { background: light-dark(#f4f6f6, #1b2123) }
.asked { white-space: normal; overflow-wrap: anywhere; display: inline-block; min-width: 9rem; max-width: 26rem }
h1 .asked { max-width: none; min-width: 0; display: inline }
.method { font-weight: 650 }
.trace { display: inline-block; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom }
.failures td { vertical-align: top }
.failures td:nth-child(2) { white-space: normal }
.failures .status { color: var(--bad) }
.count { color: var(--soft); font-size: 0.875rem; margin: 0 0 0.5rem }
.pages { display: flex; flex-wrap: wrap; gap: 0.4rem 1.4rem; margin: 0.9rem 0 }
.pages .danger { margin-left: auto; color: var(--bad) }
.small-print { font-size: 0.8125rem }
.command { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 0.8rem 1rem }
.zero, .zero a { color: var(--soft) }
.ago { color: var(--soft) }
time { white-space: nowrap }
td .clock { margin-right: 0.35em }
.scroll > table { border: 0 }
.chart .scroll { margin-top: 0.6rem }

.state { display: inline-flex; align-items: center; gap: 0.4em; font-weight: 550; white-space: nowrap }
.state .mark { width: 1em; text-align: center }
.state-completed .mark { color: var(--prevented) }
.state-running { color: var(--busy) }
.state-unknown { color: var(--bad) }

.filter { display: flex; flex-wrap: wrap; align-items: center; gap: 0.6rem 1.1rem; margin: 1.1rem 0 }
.filter label { color: var(--soft); font-size: 0.875rem; display: flex; align-items: center; min-width: 0; max-width: 100% }
.filter input { margin-left: 0.4rem; color: var(--ink); min-width: 0 }
.filter .more { flex-basis: auto } .filter .more[open] { flex-basis: 100% }
.more > div { display: flex; flex-wrap: wrap; gap: 0.6rem 1.1rem; margin-top: 0.6rem }
.filter select { margin-left: 0.4rem; color: var(--ink); min-width: 0; max-width: 24rem }
.empty { background: var(--raised); border: 1px dashed var(--line); border-radius: 10px; padding: 1.1rem 1.3rem; max-width: none }
.empty > :first-child { margin-top: 0 } .empty > :last-child { margin-bottom: 0 }
.empty ul { padding-left: 1.2rem; max-width: 46rem }
.empty li { margin: 0.35rem 0 }
pre { margin: 0.8rem 0; white-space: pre-wrap; overflow-wrap: anywhere }
.notice { border-left: 3px solid var(--accent); background: var(--raised); padding: 0.7rem 1rem; max-width: none; border-radius: 0 6px 6px 0 }
.notice.bad { border-color: var(--bad); background: var(--bad-ground) }

.meaning { font-size: 1.0625rem; max-width: 50rem; text-wrap: pretty }
.two { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 0 2.5rem; align-items: start }
.two h2 { margin-top: 1.4rem }
.timeline { list-style: none; margin: 0; padding: 0.2rem 0 0 }
.timeline li { display: grid; grid-template-columns: auto 1fr auto; gap: 0 1.1rem; padding: 0 0 0.9rem 1.3rem; border-left: 2px solid var(--line); margin-left: 0.35rem; position: relative }
.timeline li::before { content: ''; position: absolute; left: -0.4rem; top: 0.4rem; width: 0.65rem; height: 0.65rem; border-radius: 50%; background: var(--prevented); box-shadow: 0 0 0 3px var(--ground) }
.timeline li.ahead { border-left-style: dotted } .timeline li.ahead::before { background: var(--ground); border: 2px solid var(--soft) }
.timeline li:last-child { border-color: transparent; padding-bottom: 0 }
.timeline time { font-family: var(--mono); font-size: 0.92em }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 0.35rem 1.4rem; margin: 0 }
.facts dt { color: var(--soft) } .facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.card { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: 0.9rem 1.2rem 1.1rem; margin: 1rem 0 }
.card h2 { margin: 0 0 0.7rem }
.settings { font-size: 0.875rem }
@media (min-width: 56rem) { .settings { grid-template-columns: auto 1fr auto 1fr } }
.forget summary { color: var(--bad); font-size: inherit }
.forget[open] { border: 1px solid var(--bad); border-radius: 10px; padding: 0.8rem 1.1rem 1.1rem; max-width: 46rem; background: var(--bad-ground) }

.login { max-width: 27rem; padding-top: 14vh }
.login form { display: grid; gap: 0.5rem; margin: 1.4rem 0 }
.login label { font-size: 0.875rem; color: var(--soft) }
.login button { justify-self: start; margin-top: 0.4rem; padding: 0.4rem 1.1rem }

footer { display: flex; flex-wrap: wrap; align-items: center; gap: 0.4rem 1.6rem; width: calc(100% - 2.5rem); max-width: 74rem; margin: 0 auto; padding: 0.9rem 0 2rem; color: var(--soft); font-size: 0.8125rem; border-top: 1px solid var(--line) }
.live, footer form { margin-left: auto }
.live + form { margin-left: 0 }
.live button, .small { padding: 0.15rem 0.7rem }
.facts .small { padding: 0 0.5rem; font-size: 0.8125rem; margin-left: 0.4rem }
h1 + .facts, .notice + .facts { margin-top: 1rem }
.live button[aria-pressed='true']::before { content: '●'; color: var(--prevented); margin-right: 0.4em }
.live button[aria-pressed='false']::before { content: '‖'; margin-right: 0.4em }
[hidden] { display: none }

@media (max-width: 60rem) {
  .figures { grid-template-columns: repeat(3, 1fr) }
  .figures .hero { grid-column: 1 / -1 }
  search { flex-basis: 100%; margin-left: 0 }
  .two { grid-template-columns: minmax(0, 1fr) }
}
@media (max-width: 40rem) {
  .figures { grid-template-columns: repeat(2, 1fr) }
  .figures > div:last-child { grid-column: 1 / -1 }
  .wide { display: none }
  th, td { padding: 0.5rem 0.45rem }
  table.executions { font-size: 0.8125rem }
  .executions .clock { display: none }
  .asked { min-width: 0 }
  .failures td { white-space: normal }
  .top nav { gap: 0.9rem; font-size: 0.875rem; overflow-x: auto }
  .bars { height: 8rem }
  .x text:nth-child(even):not(.last) { display: none }
  .facts { grid-template-columns: 1fr; gap: 0 } .facts dd { margin-bottom: 0.5rem }
  .timeline li { grid-template-columns: auto 1fr } .timeline .ago { grid-column: 2 }
}
@media (prefers-contrast: more) { :root { --soft: var(--ink); --line: var(--ink) } }
`;
