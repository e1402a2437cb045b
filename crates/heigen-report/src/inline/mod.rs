//! The markup of text fields: parsed once, written as HTML or as plain text. Parsing never fails.

mod math;
mod parse;

use math::Formula;

/// A piece of text.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(String),
    Code(String),
    Emphasis(Vec<Node>),
    Math(Formula),
    Power(String),
    Link { address: String, text: String },
}

/// `text` as markup that shows exactly `text`: for names and messages that come from elsewhere.
///
/// ```
/// assert_eq!(heigen_report::literal("cost in $, `a*b`"), r"cost in \$, \`a\*b\`");
/// ```
pub fn literal(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if parse::SPECIAL.contains(&character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

/// Text as HTML, for between tags.
pub(crate) fn html(source: &str) -> String {
    parse::parse(source).iter().map(node_html).collect()
}

/// Text as HTML without links, for inside of a link.
pub(crate) fn html_without_links(source: &str) -> String {
    fn without(node: &Node) -> String {
        match node {
            Node::Link { text, .. } => escape(text),
            Node::Emphasis(inner) => format!("<em>{}</em>", inner.iter().map(without).collect::<String>()),
            other => node_html(other),
        }
    }
    parse::parse(source).iter().map(without).collect()
}

/// Text without its markup, not escaped: for the title of the window and for attributes.
pub(crate) fn plain(source: &str) -> String {
    parse::parse(source).iter().map(node_plain).collect()
}

/// A string for between tags or in a quoted attribute. Control characters, which HTML forbids, become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

/// A verbatim name that may go on in the next line after each of its parts.
pub(crate) fn breakable(name: &str) -> String {
    escape(name).replace('/', "/<wbr>").replace('_', "_<wbr>")
}

fn node_html(node: &Node) -> String {
    match node {
        Node::Text(text) => escape(text),
        Node::Code(code) => format!("<code>{}</code>", breakable(code)),
        Node::Emphasis(inner) => format!("<em>{}</em>", inner.iter().map(node_html).collect::<String>()),
        Node::Math(formula) => format!("<span class=\"math\">{}</span>", formula.html()),
        Node::Power(exponent) => format!("<sup>{}</sup>", escape(exponent)),
        Node::Link { address, text } if address == text => {
            format!("<a class=\"address\" href=\"{0}\">{0}</a>", escape(address))
        }
        Node::Link { address, text } => format!("<a href=\"{}\">{}</a>", escape(address), escape(text)),
    }
}

fn node_plain(node: &Node) -> String {
    match node {
        Node::Text(text) | Node::Code(text) | Node::Link { text, .. } => text.clone(),
        Node::Emphasis(inner) => inner.iter().map(node_plain).collect(),
        Node::Math(formula) => formula.plain(),
        Node::Power(exponent) => format!("^{exponent}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{escape, html, html_without_links, literal, plain};

    #[test]
    fn each_mark_becomes_its_element() {
        for (source, wanted) in [
            ("plain", "plain"),
            ("see `heigen figure 2`", "see <code>heigen figure 2</code>"),
            ("`a_b/c`", "<code>a_<wbr>b/<wbr>c</code>"),
            ("`<b> $x$ *y*`", "<code>&lt;b&gt; $x$ *y*</code>"),
            ("an *important* word", "an <em>important</em> word"),
            ("*with `code` inside*", "<em>with <code>code</code> inside</em>"),
            (r"$\lambda_1$ here", r#"<span class="math"><i>λ</i><sub>1</sub></span> here"#),
            ("above 10^-6.", "above 10<sup>−6</sup>."),
            ("2^10 = 1024", "2<sup>10</sup> = 1024"),
            ("(arXiv:2306.07104)", r#"(<a href="https://arxiv.org/abs/2306.07104">arXiv:2306.07104</a>)"#),
            (
                "at https://arxiv.org/abs/2306.07104.",
                r#"at <a class="address" href="https://arxiv.org/abs/2306.07104">https://arxiv.org/abs/2306.07104</a>."#,
            ),
            (
                "the page:classics.html, and page:x.htm or page: alone",
                r#"the <a class="address" href="classics.html">classics.html</a>, and page:x.htm or page: alone"#,
            ),
            (
                "page:a-b_along+files.html, page:../up.html, page:a/b.html",
                r#"<a class="address" href="a-b_along+files.html">a-b_along+files.html</a>, page:../up.html, page:a/b.html"#,
            ),
            (r"\*not\* \`so\` \$1\$ \\", "*not* `so` $1$ \\"),
        ] {
            assert_eq!(html(source), wanted, "{source}");
        }
    }

    #[test]
    fn what_is_not_markup_stays() {
        for source in [
            "2 * 3 * 4",
            "*.json and *.npy",
            "a*b*c",
            "one ` tick",
            "costs $5 and $6",
            r"$\unknown{x}$",
            "$x",
            "a^b",
            "^2",
            "lambda_1 and x_y",
            "**",
            "``",
            "$$",
            "x86_64, C:\\folder",
            "ftp://host/file",
            "arXiv:soon",
            "http://",
        ] {
            assert_eq!(html(source), escape(source), "{source}");
        }
    }

    #[test]
    fn nothing_from_outside_becomes_a_tag_or_an_attribute() {
        let hostile = r#"<script>alert("1")</script><img src=x onerror='a()'>&"#;
        for source in [
            hostile.to_owned(),
            format!("`{hostile}`"),
            format!("*{hostile}*"),
            format!("${hostile}$"),
            format!(r"$\mathrm{{{hostile}}}$"),
            format!("https://host/{hostile}"),
            literal(hostile),
        ] {
            let html = html(&source);
            let lower = html.to_lowercase();
            assert!(!lower.contains("<script") && !lower.contains("<img") && !html.contains('\''), "{html}");
            let tags = html.split('<').skip(1).map(|rest| rest.split(['>', ' ']).next().unwrap());
            let known = [
                "code", "/code", "wbr", "em", "/em", "span", "/span", "i", "/i", "sub", "/sub", "sup", "/sup", "a",
                "/a",
            ];
            tags.for_each(|tag| assert!(known.contains(&tag), "{tag} in {html}"));
        }
        assert!(!html("javascript:alert(1)").contains("href"));
        assert!(!html("https://a\"onclick=b").contains("\"onclick"));
    }

    #[test]
    fn a_literal_shows_what_it_was_made_of() {
        for text in ["a*b* *c*", r"\$x\$ `y` \\", "10 $ and $x$", r"C:\*\`"] {
            assert_eq!(html(&literal(text)), escape(text));
            assert_eq!(plain(&literal(text)), text);
        }
    }

    #[test]
    fn control_characters_do_not_reach_the_page() {
        assert_eq!(escape("a\u{0}b\u{1b}[31m\nc\td"), "a\u{fffd}b\u{fffd}[31m\nc\td");
    }

    #[test]
    fn plain_text_has_no_marks() {
        assert_eq!(plain(r"*Spectrum* of `gauss`: $\lambda_1 = 10^{-3}$"), "Spectrum of gauss: λ_1 = 10^−3");
        assert_eq!(html_without_links("*see arXiv:2306.07104*"), "<em>see arXiv:2306.07104</em>");
    }

    #[test]
    fn long_runs_of_marks_take_no_long_time() {
        for unit in ["*a ", "`", "$x ", r"$\q$", "*", "$", "https://a*", "(*"] {
            assert!(html(&unit.repeat(20_000)).len() > 1_000);
        }
    }
}
