// The style sheet. Colours of series are told apart by people who see few colours, and stand out on both backgrounds.
#include "handgrad/report/report_style.hpp"

namespace handgrad::report {

const std::string_view report_style = R"css(
:root {
  color-scheme: light dark;
  --page: #ffffff; --ink: #1c2128; --quiet: #59636e; --rule: #d1d9e0; --raised: #f5f7f9; --strong: 29, 99, 184; --shadow: #0005;
  --good: #116329; --bad: #b3261e; --open: #8a5300;
  --c0: #1d63b8; --c1: #c4500c; --c2: #00795e; --c3: #a3357f; --c4: #7a6200; --c5: #5b52b5; --c6: #0b7285; --c7: #6b4a2f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14181d; --ink: #e4e8ec; --quiet: #9ba6b2; --rule: #333c46; --raised: #1c2229; --strong: 95, 160, 235; --shadow: #fff6;
    --good: #57c775; --bad: #ff8b82; --open: #f0b054;
    --c0: #6aa9f0; --c1: #f2914e; --c2: #45c3a0; --c3: #e585c2; --c4: #cdb548; --c5: #a8a1f5; --c6: #52bfd2; --c7: #c49a76;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.25rem clamp(0.9rem, 3vw, 2.5rem) 4rem; max-width: 76rem;
  background: var(--page); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: anywhere;
}
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0.5rem 0 0.25rem; }
h2 { font-size: 1.25rem; margin: 2.75rem 0 0.5rem; padding-top: 0.75rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 0.4rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 0.25rem; }
p { margin: 0.4rem 0; max-width: 46rem; }
a { color: rgb(var(--strong)); }
.quiet, .note, .unit { color: var(--quiet); }
.note { font-size: 0.85rem; }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0.15rem 1rem; padding: 0; margin: 0.75rem 0; }
.cards { display: flex; flex-wrap: wrap; gap: 0.6rem; margin: 1rem 0; padding: 0; list-style: none; }
.cards li { background: var(--raised); border: 1px solid var(--rule); border-radius: 0.4rem; padding: 0.5rem 0.9rem; }
.cards b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.cards span { color: var(--quiet); font-size: 0.85rem; }
.PASS, .good { color: var(--good); } .FAIL, .bad { color: var(--bad); } .UNDETERMINED { color: var(--open); }
.verdict { font-size: 1.2rem; line-height: 1.4; font-weight: 600; max-width: 54rem; margin: 0.5rem 0; }
.verdict.open { color: var(--open); }
.says p { margin: 0.2rem 0; } .says { border-left: 0.25rem solid rgb(var(--strong)); padding: 0.1rem 0 0.1rem 0.9rem; margin: 0.9rem 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); gap: 1.25rem; }
.beside { display: flex; flex-wrap: wrap; gap: 1.25rem 2rem; align-items: flex-start; }
.beside > figure { flex: 1 1 18rem; } .beside > .wide, .beside > .column { flex: 2 1 22rem; min-width: 0; }
.column > :first-child { margin-top: 0.2rem; }
figure { margin: 0.5rem 0; max-width: 30rem; min-width: 0; }
figcaption { font-weight: 600; }
.unit { margin: 0; font-size: 0.85rem; }
figure > svg { display: block; width: 100%; height: auto; }
svg text { font: 11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: var(--quiet); }
.grid { stroke: var(--rule); stroke-width: 0.7; } .axis { stroke: var(--quiet); stroke-width: 1; }
.guide { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 4 3; }
.s0 { --s: var(--c0); } .s1 { --s: var(--c1); } .s2 { --s: var(--c2); } .s3 { --s: var(--c3); }
.s4 { --s: var(--c4); } .s5 { --s: var(--c5); } .s6 { --s: var(--c6); } .s7 { --s: var(--c7); }
rect, circle { fill: var(--s); } .line { fill: none; stroke: var(--s); stroke-width: 1.8; stroke-linejoin: round; }
.line.dashed { stroke-dasharray: 5 3; } rect.dashed { fill-opacity: 0.55; }
.point { fill: var(--c0); fill-opacity: 0.45; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 0.1rem 0.9rem; padding: 0; margin: 0.2rem 0; font-size: 0.85rem; }
.legend svg { width: 0.9rem; height: 0.65rem; margin-right: 0.35rem; }
/* What does not fit is scrolled to; a shadow at the edge says that there is more. */
.wide {
  overflow-x: auto; margin: 0.6rem 0; overflow-wrap: normal;
  background:
    linear-gradient(to right, var(--page) 50%, transparent) left / 2.5rem 100%,
    linear-gradient(to left, var(--page) 50%, transparent) right / 2.5rem 100%,
    linear-gradient(to right, var(--shadow), transparent) left / 0.9rem 100%,
    linear-gradient(to left, var(--shadow), transparent) right / 0.9rem 100%;
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll;
}
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.92rem; }
th, td { padding: 0.25rem 0.75rem 0.25rem 0; text-align: left; vertical-align: baseline; border-bottom: 1px solid var(--rule); }
th { font-weight: 600; } td.n, th.n { text-align: right; } td.n { white-space: nowrap; }
table.texts td { overflow-wrap: anywhere; } table.texts td:first-child { min-width: 9rem; }
table.scores th.n { max-width: 8.5rem; white-space: normal; vertical-align: bottom; }
table.formulas td, table.formulas th { padding-right: 1.5rem; }
/* Long names are broken, numbers never. */
td:first-child { overflow-wrap: anywhere; min-width: 6rem; max-width: 18rem; }
table.confusion td:first-child { min-width: 3rem; } table.confusion th { overflow-wrap: anywhere; vertical-align: bottom; }
table.confusion th.n { min-width: 2.4rem; max-width: 7rem; padding-right: 0.4rem; }
table.confusion td.n { padding: 0.35rem 0.4rem; background: rgba(var(--strong), var(--share)); }
@media (max-width: 30rem) { table { font-size: 0.84rem; } th, td { padding-right: 0.6rem; } table.scores th.n { max-width: 5.2rem; } }
math { font-size: 1.05em; } mtable.cases mtd { text-align: left; padding-right: 0.6em; }
div.wide > math[display="block"] { text-align: left; margin: 0.3rem 0; width: max-content; }
pre { background: var(--raised); border: 1px solid var(--rule); border-radius: 0.4rem; padding: 0.7rem 0.9rem;
      white-space: pre-wrap; overflow-wrap: anywhere; font-size: 0.88rem; }
code { white-space: nowrap; }
details { margin: 0.6rem 0; } summary { cursor: pointer; }
@media print {
  pre { white-space: pre-wrap; }
  :root { color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; } figure, tr, .cards { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .wide { overflow: visible; background: none; }
  table { font-size: 8pt; } th, td { padding-right: 0.5rem; } th.n { white-space: normal; } .beside { display: block; }
  table.confusion { font-size: 7pt; } table.confusion td.n, table.confusion th.n { padding: 0.1rem 0.2rem; min-width: 0; }
  .charts { grid-template-columns: repeat(2, 1fr); } .verdict { font-size: 13pt; }
}
)css";

}  // namespace handgrad::report
