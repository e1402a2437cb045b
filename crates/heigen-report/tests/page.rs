//! The properties that every page must have: whole, safe, the same every time, and legible.

mod common;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use common::{drawing, example};
use heigen_report::{Cell, Claim, Figure, Film, Folded, Frame, Report, ReportError, Section, Table, Timing, html};
use std::collections::{BTreeMap, BTreeSet};

/// The values of every attribute `name` in `page`.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let opening = format!(" {name}=\"");
    page.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

fn example_page() -> String {
    html(&example()).expect("the example is a page")
}

#[test]
fn elements_are_nested_and_closed() {
    let page = example_page();
    let void = ["meta", "img", "wbr", "path"];
    let mut open = Vec::new();
    let body = page.split_once("</style>").expect("a style").1;
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().expect("an end of the tag")) {
        let name = tag.split_whitespace().next().expect("a name");
        if let Some(name) = name.strip_prefix('/') {
            let opened =
                if ["style", "head", "html"].contains(&name) && open.is_empty() { Some(name) } else { open.pop() };
            assert_eq!(opened, Some(name), "</{name}> after {open:?}");
        } else if !void.contains(&name) {
            open.push(name);
        }
    }
    assert_eq!(open, [""; 0]);
}

#[test]
fn the_page_has_landmarks_headings_and_an_entry_for_each_part() {
    let page = example_page();
    for once in ["<header>", "<nav ", "<main ", "<footer>", "<h1>", "<title>", "lang=\"en\"", "name=\"viewport\""] {
        assert_eq!(page.matches(once).count(), 1, "{once}");
    }
    let order = ["problems", "run", "claims", "gauss", "mnist", "timings"];
    let places = order.map(|id| page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("no {id}")));
    assert!(places.is_sorted(), "{places:?}");
    order.iter().for_each(|id| assert!(page.contains(&format!("<li><a href=\"#{id}\">")), "no entry for {id}"));
    for wanted in [
        "Supported",
        "Mixed",
        "Contradicted",
        "Undecided",
        "Not measured",
        "one seed each",
        "<h4>Does not tell</h4>",
        "None recorded.",
        "<h4>Against</h4>",
        "Figs. 2 and 3",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
}

#[test]
fn ids_are_unique_and_links_on_the_page_arrive() {
    let page = example_page();
    let ids = attributes(&page, "id");
    let set: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), set.len(), "{ids:?}");
    for link in attributes(&page, "href") {
        let arrives = link.strip_prefix('#').is_some_and(|id| set.contains(id));
        assert!(arrives || link.starts_with("https://arxiv.org/abs/"), "{link}");
    }
    attributes(&page, "aria-labelledby").iter().for_each(|id| assert!(set.contains(id), "{id}"));
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let page = example_page();
    let lower = page.to_lowercase();
    for absent in
        ["<script", "<link", "<iframe", "<object", "@import", "url(", "@font-face", "onclick", "onerror=", "srcset"]
    {
        assert!(!lower.contains(absent), "{absent}");
    }
    let sources = attributes(&page, "src");
    assert_eq!(sources.len(), 2);
    sources.iter().for_each(|source| assert!(source.starts_with("data:image/svg+xml;base64,"), "{source}"));
    assert!(page.contains("default-src 'none'; img-src data:;"));
}

#[test]
fn a_drawing_arrives_as_it_is_with_its_size_and_its_words() {
    let page = example_page();
    let source = attributes(&page, "src")[0];
    let decoded = STANDARD.decode(&source["data:image/svg+xml;base64,".len()..]).expect("base64");
    assert_eq!(decoded, drawing().as_bytes());
    assert!(!page.contains("<linearGradient"), "ids of drawings must not reach the page");
    assert!(page.contains("width=\"1307\" height=\"240\"") && page.contains("--ratio:5.4444;--least:882px"));
    let alt = attributes(&page, "alt");
    assert!(alt.iter().all(|alt| alt.contains("a row of maps over the plane")), "{alt:?}");
}

#[test]
fn a_film_needs_no_script_and_shows_its_first_drawing() {
    let frame = |name: &str| Frame { name: name.into(), svg: drawing() };
    let film = |frames| Film { id: "film".into(), title: "The boundary".into(), frames, caption: "It moves.".into() };
    let report = |film| {
        let section = Section { id: "way".into(), title: "The way".into(), films: vec![film], ..Section::default() };
        html(&Report { title: "A film".into(), sections: vec![section], ..Report::default() })
    };
    let page = report(film(vec![frame("epoch 0"), frame("epoch 10"), frame("epoch <20>")])).expect("a page");
    assert_eq!(page.matches("<input type=\"radio\" name=\"film\"").count(), 3);
    assert_eq!((page.matches(" checked>").count(), page.matches("id=\"film-0\" checked").count()), (1, 1));
    assert!(page.contains("<label for=\"film-2\">epoch &lt;20&gt;</label><img ") && !page.contains("<script"));
    let ids = attributes(&page, "id");
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "{ids:?}");
    for broken in [film(vec![]), film(vec![frame(" ")]), film(vec![Frame { svg: "no".into(), ..frame("x") }])] {
        assert!(report(broken).is_err());
    }
}

#[test]
fn the_same_report_is_the_same_bytes() {
    assert_eq!(example_page(), example_page());
}

#[test]
fn an_empty_report_is_a_page_without_parts() {
    let page = html(&Report { title: "Nothing yet".into(), ..Report::default() }).expect("a page");
    assert!(page.contains("<h1>Nothing yet</h1>") && !page.contains("<section") && page.ends_with("</html>\n"));
}

/// Every field that takes a string.
#[test]
fn no_field_lets_markup_of_its_own_through() {
    let hostile = r#""><script>alert('x')</script><img src=x onerror=alert(1)>"#;
    let text = || hostile.to_owned();
    let table = || Table {
        caption: text(),
        head: vec![text()],
        rows: vec![vec![Cell::text(hostile).strong()]],
        note: Some(text()),
    };
    let figure = Figure {
        id: "figure".into(),
        title: text(),
        svg: drawing(),
        alt: text(),
        caption: text(),
        command: Some(text()),
        live: vec![text()],
    };
    let frames = vec![Frame { name: text(), svg: drawing() }];
    let film = Film { id: "film".into(), title: text(), frames, caption: text() };
    let report = Report {
        title: text(),
        subtitle: text(),
        intro: vec![text()],
        facts: vec![(text(), text())],
        rules: vec![text()],
        claims: vec![Claim {
            statement: text(),
            source: text(),
            evidence_for: vec![text()],
            evidence_against: vec![text()],
            evidence_open: vec![text()],
            basis: text(),
            rule: text(),
            table: Some(table()),
            ..Claim::default()
        }],
        sections: vec![Section {
            id: "section".into(),
            title: text(),
            text: vec![text()],
            figures: vec![figure],
            films: vec![film],
            tables: vec![table()],
            folded: vec![Folded { summary: text(), tables: vec![table()] }],
        }],
        timings: vec![Timing { task: text(), ..Timing::default() }],
        problems: vec![text()],
        footer: text(),
    };
    let page = html(&report).expect("a page");
    assert!(!page.contains("<script") && !page.contains("<img src=x") && !page.contains("\"><script"));
    assert_eq!(page.matches("<img ").count(), 2);
    assert!(page.matches("&lt;script&gt;").count() >= 33, "{}", page.matches("&lt;script&gt;").count());
}

#[test]
fn errors_say_what_where_got_and_wanted() {
    let section = |id: &str| Section { id: id.into(), title: format!("Section {id}"), ..Section::default() };
    let figure = |svg: &str| Figure { id: "map".into(), title: "Map".into(), svg: svg.into(), ..Figure::default() };
    let report = |sections| Report { title: "Title".into(), sections, ..Report::default() };
    let table = Table {
        caption: "Spectrum".into(),
        head: vec![String::new(); 2],
        rows: vec![vec![Cell::default(); 2], vec![Cell::default(); 3]],
        note: None,
    };
    let timing = Timing { task: "train".into(), seconds: Some(f64::NAN), ..Timing::default() };
    for (report, wanted) in [
        (Report::default(), "the title of the report is empty; give it some text"),
        (
            Report { claims: vec![Claim::default()], ..report(vec![]) },
            "the statement of claim 1 is empty; give it some text",
        ),
        (
            report(vec![section("a"), section("a")]),
            "the id `a` of the section `Section a` is taken by the section `Section a`; choose another",
        ),
        (
            report(vec![section("claims")]),
            "the id `claims` of the section `Section claims` is taken by the page itself; choose another",
        ),
        (
            report(vec![section("map-large"), Section { figures: vec![figure(&drawing())], ..section("b") }]),
            "the id `map-large` of the large view of the figure `Map` is taken by the section `Section map-large`; choose \
             another",
        ),
        (
            report(vec![section("a b")]),
            "the id of the section `Section a b` is \"a b\"; expected a letter, then letters, digits, `-` or `_` (all \
             ASCII), as in `figure-2`",
        ),
        (
            report(vec![Section { figures: vec![figure("")], ..section("a") }]),
            "the SVG of figure `map` is empty; expected one complete <svg ...>...</svg> with its xmlns",
        ),
        (
            report(vec![Section { tables: vec![table], ..section("a") }]),
            "row 2 of the table `Spectrum` has 3 cells; expected 2, one for each column of its head",
        ),
        (
            Report { timings: vec![timing], ..report(vec![]) },
            "seconds of the task `train` is NaN; expected a finite number of seconds, 0 or more",
        ),
    ] {
        assert_eq!(html(&report).map_err(|error: ReportError| error.to_string()), Err(wanted.to_owned()));
    }
}

/// The colours of one scheme by name, as red, green, blue.
fn colors(block: &str) -> BTreeMap<&str, [f64; 3]> {
    let declarations =
        block.lines().filter_map(|line| line.trim().strip_prefix("--")?.strip_suffix(';')?.split_once(": #"));
    let channel = |hex: &str, i: usize| f64::from(u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex")) / 255.0;
    declarations.map(|(name, hex)| (name, [0, 1, 2].map(|i| channel(hex, i)))).collect()
}

/// (L1 + 0.05) / (L2 + 0.05) for the relative luminances L1 >= L2, as WCAG 2 defines them.
fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
    let linear = |c: f64| if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) };
    let luminance = |[r, g, b]: [f64; 3]| 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) + 0.05;
    let (a, b) = (luminance(a), luminance(b));
    a.max(b) / a.min(b)
}

#[test]
fn text_stands_out_in_both_schemes() {
    const AA_TEXT: f64 = 4.5;
    const AA_GRAPHICS: f64 = 3.0;
    assert!((contrast([0.0; 3], [1.0; 3]) - 21.0).abs() < 1e-9);
    let page = example_page();
    let schemes: Vec<_> =
        page.split(":root {").skip(1).take(2).map(|rest| colors(rest.split('}').next().unwrap())).collect();
    assert_eq!(schemes.len(), 2);
    for scheme in schemes {
        for ground in ["page", "shade"] {
            for ink in ["text", "weak", "link", "supported", "mixed", "contradicted", "undecided", "not-measured"] {
                let contrast = contrast(scheme[ink], scheme[ground]);
                assert!(contrast >= AA_TEXT, "{ink} on {ground}: {contrast:.2}");
            }
        }
        for ink in ["here", "reference"] {
            let contrast = contrast(scheme[ink], scheme["page"]);
            assert!(contrast >= AA_GRAPHICS, "{ink}: {contrast:.2}");
        }
    }
}
