// The style of the page. Colours are pairs checked for contrast (at least 4.5:1 on their ground, light and dark);
// meaning never hangs on colour alone. Sizes are in rem, so a reader's own font size counts.
#include "reports/render/html/parts.hpp"

namespace vigil::reports::html {

Markup style_sheet() noexcept {
  return R"css(
:root{color-scheme:light dark;
--ground:#f6f6f3;--card:#fff;--inset:#f7f7f4;--line:#dfdfd8;--line-strong:#c4c4bb;
--ink:#1b1d21;--quiet:#5a5f66;--link:#0a55a3;
--bad:#b01c1c;--bad-soft:#fdf0ee;--warn:#835400;--warn-soft:#fdf5e3;--good:#17693a;--good-soft:#eaf6ee;
--hit:#fff1cf;--hit-edge:#c98a00;
--c-key:#6b2fa0;--c-str:#1c6b3c;--c-com:#6a6f76;--c-num:#8f3f00;
--mono:ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
--sans:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans","DejaVu Sans",sans-serif}
@media (prefers-color-scheme:dark){:root{
--ground:#131518;--card:#1b1e22;--inset:#15181b;--line:#30353b;--line-strong:#4a5058;
--ink:#e6e8ea;--quiet:#a3abb4;--link:#8fbcff;
--bad:#ff8f85;--bad-soft:#33201f;--warn:#f0b95a;--warn-soft:#2f281a;--good:#74d69c;--good-soft:#1a2c21;
--hit:#3a3118;--hit-edge:#f0b95a;
--c-key:#c9a4f5;--c-str:#93d3a2;--c-com:#929aa3;--c-num:#f0b07a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.55 var(--sans);overflow-wrap:break-word}
.wrap{max-width:78rem;margin:0 auto;padding:0 1.5rem}
a{color:var(--link);text-underline-offset:.18em}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:3px solid var(--link);outline-offset:2px;border-radius:4px}
code,pre,.mono{font-family:var(--mono);font-size:.9em;font-variant-ligatures:none}
h1,h2,h3,p,dl,ol,ul,figure,pre{margin:0}
ol,ul{padding:0;list-style:none}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:1rem;background:var(--card);padding:.5rem 1rem;z-index:1}
.top{background:var(--card);border-bottom:1px solid var(--line)}
.top .wrap{padding-top:1.6rem;padding-bottom:1.6rem}
.brand{color:var(--quiet);font-size:.85rem;margin-bottom:.9rem}
.brand b{color:var(--ink);letter-spacing:.01em}
.verdict{display:flex;gap:.8rem;align-items:flex-start;font-size:1.75rem;line-height:1.25;font-weight:650;letter-spacing:-.012em;text-wrap:balance}
.verdict svg{flex:none;width:2rem;height:2rem;margin-top:.08rem}
.bad .mark{color:var(--bad)}.warn .mark{color:var(--warn)}.good .mark{color:var(--good)}
.facts{display:flex;flex-wrap:wrap;gap:.9rem 2.6rem;margin-top:1.3rem}
.facts div{min-width:0;max-width:100%}
.facts dt{font-size:.78rem;color:var(--quiet)}
.facts dd{margin:0;font-size:.95rem}
.notes{margin:1.2rem 0 0;padding:.7rem 1rem;background:var(--warn-soft);border-left:3px solid var(--warn);border-radius:0 6px 6px 0;font-size:.92rem}
.notes li+li{margin-top:.3rem}
main{padding:1.6rem 0 3rem}
.section-name{font-size:1.15rem;margin:2.2rem 0 .8rem}
.contents{background:var(--card);border:1px solid var(--line);border-radius:10px;margin-bottom:1.6rem;overflow:hidden}
.contents li+li{border-top:1px solid var(--line)}
.contents a{display:grid;grid-template-columns:6.2rem minmax(0,1fr) auto;gap:.2rem 1rem;align-items:baseline;padding:.6rem 1.1rem;color:inherit;text-decoration:none}
.contents a:hover .what{text-decoration:underline}
.contents .kind{color:var(--quiet);font-size:.85rem}
.badge{font-size:.78rem;font-weight:650;padding:.12rem .55rem;border-radius:99px;border:1px solid currentColor;white-space:nowrap;justify-self:start}
.badge.error{color:var(--bad);background:var(--bad-soft)}
.badge.warning{color:var(--warn);background:var(--warn-soft)}
.tag{font-size:.82rem;color:var(--quiet)}
.tag b{font-weight:600;color:var(--ink)}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;margin-bottom:1.6rem;padding:1.4rem 1.5rem 1.5rem;border-top:4px solid var(--line-strong)}
.card.error{border-top-color:var(--bad)}.card.warning{border-top-color:var(--warn)}
.meta{display:flex;flex-wrap:wrap;gap:.4rem .9rem;align-items:center;margin-bottom:.55rem}
.meta .anchor{margin-left:auto;color:var(--quiet);text-decoration:none;font-size:.8rem}
.meta .anchor:hover{text-decoration:underline}
.card h2{font-size:1.3rem;line-height:1.35;font-weight:650;letter-spacing:-.008em;text-wrap:pretty}
.card h2 code,.contents code{font-weight:inherit;background:none;padding:0}
.message{margin-top:.5rem;color:var(--quiet);max-width:62rem}
.todo{margin-top:1rem;padding:.75rem 1rem;background:var(--good-soft);border-radius:8px;max-width:62rem}
.todo b{color:var(--good)}
p code,li code,dd code{background:var(--inset);border-radius:4px;padding:.06em .3em}
.ring{margin:1.3rem auto 0;max-width:46rem}
.ring svg{display:block;width:100%;height:auto}
.ring .box{fill:var(--inset);stroke:var(--line-strong);stroke-width:1.5}
.ring .actor{fill:var(--card);stroke:var(--bad);stroke-width:2}
.ring .arrow{fill:none;stroke:var(--quiet);stroke-width:1.8}
.ring .tip{fill:var(--quiet)}
.ring text{font:14px var(--sans);fill:var(--ink);text-anchor:middle}
.ring .name{font-weight:650}
.ring .detail{font:13px var(--mono);fill:var(--quiet)}
.ring .label{font-size:13px;fill:var(--quiet);paint-order:stroke;stroke:var(--card);stroke-width:5px;stroke-linejoin:round}
.ring figcaption{text-align:center;font-size:.85rem;color:var(--quiet);margin-top:.3rem}
.sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,30rem),1fr));gap:1.6rem 0;margin:1.4rem 0 0 -1.6rem;clip-path:inset(0 0 0 1px)}
.side{min-width:0;border-left:1px solid var(--line);padding:0 1.6rem}
.sides>:last-child{padding-right:0}
.side h3{font-size:1rem;font-weight:650}
.side h3 .role{color:var(--quiet);font-weight:450}
.doing{font-size:.93rem}
.note{font-size:.9rem;color:var(--quiet)}
.held{font-size:.93rem}
.step{margin-top:.9rem}
.stack{margin-top:.6rem;counter-reset:f}
.frame{padding:.28rem 0 .28rem .9rem;border-left:2px solid var(--line)}
.frame.first{border-left:3px solid var(--bad);padding-left:calc(.9rem - 1px)}
.warning .frame.first{border-left-color:var(--warn)}
.state .frame.first,.plain .frame.first{border-left-color:var(--line-strong)}
.fn{font-family:var(--mono);font-size:.88rem}
.first>.fn,.first>details>summary .fn{font-weight:700}
.at{font-family:var(--mono);font-size:.8rem;color:var(--quiet);display:block}
.inl{font-family:var(--sans);font-size:.72rem;color:var(--quiet);border:1px solid var(--line-strong);border-radius:4px;padding:0 .3rem;margin-left:.4rem}
.lib .fn{color:var(--quiet)}
details>summary{cursor:pointer;list-style:none}
details>summary::-webkit-details-marker{display:none}
details>summary::before{content:"";display:inline-block;width:.42rem;height:.42rem;border-right:1.6px solid var(--quiet);border-bottom:1.6px solid var(--quiet);transform:rotate(-45deg);margin:0 .55rem .12rem .1rem}
details[open]>summary::before{transform:rotate(45deg);margin-bottom:.2rem}
.fold>summary{font-size:.85rem;color:var(--quiet)}
.frame.fold-row{padding-top:.15rem;padding-bottom:.15rem}
.fold .stack{margin-top:.3rem}
.frame details>summary .at{padding-left:1.15rem}
.more{margin-top:.8rem}
.more>summary{font-size:.92rem}
.scroll{overflow-x:auto}
.code{margin:.45rem 0 .35rem;background:var(--inset);border:1px solid var(--line);border-radius:7px;padding:.4rem 0;font-size:.8rem;line-height:1.6;overflow-x:auto;tab-size:4}
.code .row{display:block;padding-right:1rem;min-width:max-content;border-left:3px solid transparent}
.code .hit{background:var(--hit);border-left-color:var(--hit-edge);font-weight:600}
.code .ln{display:inline-block;width:3.6rem;padding-right:1rem;text-align:right;color:var(--quiet);user-select:none;-webkit-user-select:none;font-weight:400}
.code i{font-style:normal}
.k{color:var(--c-key)}.s{color:var(--c-str)}.c{color:var(--c-com)}.n{color:var(--c-num)}
.stale{font-size:.8rem;color:var(--warn)}
.objects{margin-top:1.3rem;border-top:1px solid var(--line);padding-top:1rem}
.objects h3{font-size:.95rem;margin-bottom:.2rem}
.objects li{margin-top:.35rem;font-size:.93rem}
.foot{display:flex;flex-wrap:wrap;gap:.5rem 2rem;margin-top:1.2rem;padding-top:.9rem;border-top:1px solid var(--line);font-size:.88rem;color:var(--quiet)}
.foot code{background:var(--inset);border:1px solid var(--line);border-radius:5px;padding:.1em .45em;color:var(--ink)}
.nothing{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1.4rem 1.5rem;max-width:62rem}
.nothing p+p{margin-top:.5rem;color:var(--quiet)}
.runs{width:100%;border-collapse:collapse;background:var(--card);border:1px solid var(--line);border-radius:10px;font-size:.95rem}
.runs th,.runs td{text-align:left;padding:.55rem 1.1rem;border-bottom:1px solid var(--line);vertical-align:baseline}
.runs th{font-size:.8rem;font-weight:600;color:var(--quiet)}
.runs tr:last-child td{border-bottom:0}
.page-foot{padding:0 0 2.5rem;color:var(--quiet);font-size:.85rem}
@media (max-width:44rem){
.wrap{padding:0 1rem}.verdict{font-size:1.35rem}.card{padding:1.1rem 1rem}
.sides{margin-left:0;clip-path:none}.side{border-left:0;padding:0}.side+.side{border-top:1px solid var(--line);padding-top:1.1rem}
.contents a{grid-template-columns:1fr auto}.contents .what{grid-column:1/-1;grid-row:2}}
@media (forced-colors:active){.badge,.card,.frame.first,.code .hit{forced-color-adjust:auto;border-color:CanvasText}}
@media print{
:root{color-scheme:light;--ground:#fff;--card:#fff;--inset:#f7f7f4;--line:#ccc;--line-strong:#999;--ink:#000;--quiet:#444;--link:#000;
--bad:#a00;--bad-soft:#fff;--warn:#6b4500;--warn-soft:#fff;--good:#0b4f28;--good-soft:#fff;--hit:#fff1cf;--hit-edge:#a06c00;
--c-key:#4b1f75;--c-str:#14502c;--c-com:#555;--c-num:#6b2f00}
body{font-size:10pt}.wrap{max-width:none;padding:0}.skip{display:none}
.card{break-inside:auto;border-width:1px 0 0;border-radius:0;padding:1rem 0}
.card header,.frame,.code,.todo{break-inside:avoid}.code{overflow:visible}.code .row{white-space:pre-wrap;min-width:0}}
@media (prefers-reduced-motion:no-preference){html{scroll-behavior:smooth}}
)css";
}

}  // namespace vigil::reports::html
