/// The style of the page: colours by the reader's system, one column on a phone.
pub(super) const STYLE: &str = "
:root{--bg:#fff;--fg:#1d2430;--quiet:#5d6878;--line:#dfe4ea;--card:#f6f8fa;--pass:#1a7f4b;
--warn:#9a6700;--insufficient:#8250a8;--stale:#57606a;--fail:#c2261c;--invalid:#8f0f3b;
--more:#c2261c;--less:#1a7f4b;--now:#1f66d0;--add:#e3f6e9;--del:#fdeaea;--noise:#8250a826}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--fg:#e4e9f0;--quiet:#97a3b4;--line:#2c343f;
--card:#1a2029;--pass:#4cc38a;--warn:#e0a63a;--insufficient:#c39be8;--stale:#a2adba;--fail:#ff7b70;
--invalid:#ff7ba5;--more:#ff7b70;--less:#4cc38a;--now:#6ea8ff;--add:#153325;--del:#3a1c1e;
--noise:#c39be833}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:1rem}
h1{margin:.3rem 0;font-size:1.5rem}h2{margin:2rem 0 .5rem;font-size:1.15rem}h3{font-size:1rem}
p{margin:.4rem 0}code{font:.88em ui-monospace,monospace;overflow-wrap:anywhere}
.quiet,.against{color:var(--quiet);font-size:.86rem}
.note{border-left:3px solid var(--warn);padding-left:.6rem}
.counts{display:flex;flex-wrap:wrap;gap:.4rem 1rem;list-style:none;padding:0}
.badge{display:inline-block;border:1px solid currentColor;border-radius:.3rem;padding:0 .4rem;
font-size:.78rem;font-weight:600;line-height:1.4;vertical-align:.08em}
.big{font-size:1.15rem}
.pass{color:var(--pass)}.warn{color:var(--warn)}.insufficient{color:var(--insufficient)}
.stale{color:var(--stale)}.fail{color:var(--fail)}.invalid{color:var(--invalid)}
.forest{border-top:1px solid var(--line)}
.row{display:grid;grid-template-columns:minmax(0,19rem) minmax(0,1fr) 15rem;gap:.8rem;
align-items:center;padding:.35rem 0;border-bottom:1px solid var(--line)}
.label{overflow-wrap:anywhere;line-height:1.35}.plot{position:relative;min-width:0}
.plot svg{display:block;width:100%;height:1.6rem}
.axis{padding:0;min-height:1.6rem}.axis .plot{height:1.2rem}
.axis span{position:absolute;transform:translateX(-50%);color:var(--quiet);font-size:.75rem;
white-space:nowrap}
line,path{vector-effect:non-scaling-stroke}
.zero{stroke:var(--quiet);stroke-width:1}.limit{stroke:var(--warn);stroke-width:1;stroke-dasharray:4 3}
.bounds{stroke:currentColor;stroke-width:3}.point{stroke:currentColor;stroke-width:4}
.noise{fill:var(--noise)}rect.more{fill:var(--more)}rect.less{fill:var(--less)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:1rem}
figure{margin:0;padding:.8rem;background:var(--card);border-radius:.5rem;min-width:0}
figure.wide{margin-bottom:1rem}figure svg.slopes,figure svg.latency{display:block;width:100%;max-width:34rem}
.dense .slope{stroke-width:1;opacity:.22}
svg text{font-size:11px;fill:var(--quiet)}.end{text-anchor:end}.middle{text-anchor:middle}
.grid{stroke:var(--line);stroke-width:1}.slope{stroke-width:1.6;opacity:.75}
.slope.more{stroke:var(--more)}.slope.less{stroke:var(--less)}.slope.same{stroke:var(--quiet)}
.latency path{fill:none;stroke-width:2}path.base{stroke:var(--quiet)}
path.candidate{stroke:var(--now)}.upper{stroke:var(--now);stroke-width:1.5;stroke-dasharray:1 3}
details{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .8rem;margin:.5rem 0}
summary{cursor:pointer;overflow-wrap:anywhere}
pre{overflow-x:auto;background:var(--card);border-radius:.4rem;padding:.5rem 0;margin:.5rem 0;
font:.82rem/1.45 ui-monospace,monospace}
pre span{display:block;padding:0 .6rem;white-space:pre-wrap;overflow-wrap:anywhere;min-height:1.2em}
.add{background:var(--add)}.del{background:var(--del)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.88rem}
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
@media(max-width:720px){.row{grid-template-columns:minmax(0,1fr);gap:.15rem}
.axis .label,.axis .value{display:none}}
";
