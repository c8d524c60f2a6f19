// How the page looks: the reader's own fonts, light or dark as the reader likes it, and room for the numbers.

enum PageStyle {
    /// The style sheet; the page needs nothing else.
    static let sheet = """
        :root{color-scheme:light dark;\(Palette.properties(\.light))}
        @media screen and (prefers-color-scheme:dark){:root{\(Palette.properties(\.dark))}}
        *{box-sizing:border-box}
        html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
        body{margin:0;background:var(--background);color:var(--ink);
        font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
        main{max-width:62rem;margin:0 auto;padding:clamp(2rem,6vw,3.5rem) clamp(1rem,4vw,1.5rem) 4rem}
        h1{font-size:clamp(1.8rem,5vw,2.6rem);line-height:1.15;letter-spacing:-.02em;margin:0 0 1rem;font-weight:650}
        h2{font-size:1.35rem;line-height:1.25;letter-spacing:-.01em;margin:0;font-weight:650}
        h3{font-size:1rem;margin:0 0 .25rem;font-weight:600}
        p{margin:0 0 1rem;max-width:44rem}
        p,dt,dd{overflow-wrap:anywhere}
        section{margin-top:3.5rem}
        .lead{font-size:1.125rem;color:var(--muted)}
        .unit{color:var(--muted);margin:.15rem 0 1.25rem}
        .early{border-left:4px solid var(--p5);padding:.6rem 1rem;background:var(--panel)}
        time{display:inline-block}
        .verdict{margin:2.5rem 0 0;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));
        gap:2rem 3rem}
        .verdict div{border-top:2px solid var(--rule);padding-top:.8rem}
        dt{font-weight:600}
        dd{margin:0}
        .verdict p{margin:0;max-width:none}
        .verdict dd p:not(:first-child){margin-top:.3rem}
        .verdict ul{list-style:none;margin:.2rem 0 .5rem;padding:0;display:grid;
        grid-template-columns:minmax(7.5rem,max-content) minmax(3.5rem,max-content) 1fr;column-gap:1rem;
        align-items:baseline}
        .verdict li{display:contents}
        .verdict b{text-align:right}
        small{font-size:.875em;color:var(--muted)}
        .verdict dd,td,th,svg{font-variant-numeric:tabular-nums}
        .sections{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:0 3rem}
        .sections>*{min-width:0}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:2.25rem 3rem}
        figure{margin:0;max-width:28rem;min-width:0}
        .plot{display:block;width:100%;height:auto;overflow:visible}
        .plot text{font-size:12px;fill:var(--ink)}
        .plot .v,.plot .h{text-anchor:end}
        .plot .h,.plot .t{fill:var(--muted);font-size:11px}
        .plot .t{text-anchor:middle}
        .plot .g{font-weight:600}
        .plot .a{stroke:var(--rule);fill:none}
        .plot .w{stroke:var(--ink);fill:none;stroke-width:1.1}
        .plot .w0{stroke:var(--background);fill:none;stroke-width:3}
        .plot .m{stroke:var(--background);stroke-width:1;paint-order:stroke}
        .plot .s{fill:none;stroke:var(--muted)}
        details{margin-top:.75rem}
        summary{cursor:pointer;color:var(--muted);font-size:.9rem}
        summary:focus-visible{outline:2px solid var(--p1);outline-offset:2px}
        .scroll{overflow-x:auto;margin-top:.75rem}
        table{border-collapse:collapse;font-size:.875rem;line-height:1.4}
        th,td{padding:.3rem .9rem .3rem 0;text-align:left;font-weight:400;vertical-align:top}
        th:last-child,td:last-child{padding-right:0}
        .number{text-align:right;white-space:nowrap}
        .range{text-align:left;white-space:nowrap;color:var(--muted)}
        thead th{color:var(--muted);border-bottom:1px solid var(--rule)}
        tbody .part{font-weight:600;padding-top:.8rem}
        tbody th{white-space:nowrap}
        .names td{color:var(--muted)}
        .swatch{display:inline-block;width:.7em;height:.7em;margin-right:.5em;border-radius:2px}
        pre{background:var(--panel);padding:.9rem 1.1rem;margin:0;border-radius:6px;overflow-x:auto;
        font:.875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
        .columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:2.25rem 3rem}
        .columns>*{min-width:0}
        @media print{main{padding:0;max-width:none}figure,.verdict div{break-inside:avoid}
        details::details-content{content-visibility:visible;block-size:auto}summary{display:none}
        .scroll{overflow:visible}}
        """
}
