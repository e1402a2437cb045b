//! Claims, each with its verdict and the evidence on both sides.

use crate::inline::html;
use crate::report::{Claim, Verdict};
use crate::table::table;

/// How the claims came out, then one card for each.
pub(crate) fn claims(claims: &[Claim]) -> String {
    let cards: String = claims.iter().enumerate().map(|(i, claim)| card(i + 1, claim)).collect();
    format!("{}{cards}", counts(claims))
}

fn counts(claims: &[Claim]) -> String {
    let all = [Verdict::Supported, Verdict::Mixed, Verdict::Contradicted, Verdict::Undecided, Verdict::NotMeasured];
    let items: String = all
        .into_iter()
        .filter_map(|verdict| {
            let count = claims.iter().filter(|claim| claim.verdict == verdict).count();
            (count > 0).then(|| format!("<li>{} <b>{count}</b></li>\n", badge(verdict)))
        })
        .collect();
    format!("<ul class=\"counts\" aria-label=\"Verdicts\">\n{items}</ul>\n")
}

fn card(number: usize, claim: &Claim) -> String {
    let Claim { statement, source, verdict, basis, rule, evidence_for, evidence_against, evidence_open, .. } = claim;
    let source =
        if source.is_empty() { String::new() } else { format!(" <span class=\"source\">{}</span>", html(source)) };
    let basis = if basis.is_empty() { String::new() } else { format!(" <span class=\"basis\">{}</span>", html(basis)) };
    let rule =
        if rule.is_empty() { String::new() } else { format!("<p class=\"rule\"><b>Rule.</b> {}</p>\n", html(rule)) };
    let open = if evidence_open.is_empty() { String::new() } else { side("Does not tell", evidence_open) };
    let evidence = if evidence_for.is_empty() && evidence_against.is_empty() && evidence_open.is_empty() {
        String::new()
    } else {
        let sides = [side("For", evidence_for), side("Against", evidence_against), open].concat();
        format!("<div class=\"evidence\">\n{sides}</div>\n")
    };
    let numbers = claim.table.as_ref().map_or_else(String::new, table);
    format!(
        "<article class=\"claim\" id=\"claim-{number}\">\n\
         <h3>{}<a class=\"anchor\" href=\"#claim-{number}\" aria-label=\"Link to claim {number}\">#</a></h3>\n\
         <p>{}{basis}{source}</p>\n\
         {rule}{evidence}{numbers}</article>\n",
        html(statement),
        badge(*verdict),
    )
}

fn side(name: &str, findings: &[String]) -> String {
    let items: String = findings.iter().map(|finding| format!("<li>{}</li>\n", html(finding))).collect();
    let list = if items.is_empty() {
        "<p class=\"muted\">None recorded.</p>\n".into()
    } else {
        format!("<ul>\n{items}</ul>\n")
    };
    format!("<div><h4>{name}</h4>\n{list}</div>\n")
}

/// A verdict in words, with a sign and a colour.
fn badge(verdict: Verdict) -> String {
    let (class, words, sign) = match verdict {
        Verdict::Supported => ("supported", "Supported", "M3 8.5 6.5 12 13 4.5"),
        Verdict::Mixed => ("mixed", "Mixed", "M3 6H13M3 10H13"),
        Verdict::Contradicted => ("contradicted", "Contradicted", "M4 4 12 12M12 4 4 12"),
        Verdict::Undecided => ("undecided", "Undecided", "M6 6.2a2 2 0 1 1 3 1.7q-1 .6-1 1.6M8 12.4v.1"),
        Verdict::NotMeasured => ("not-measured", "Not measured", "M3.5 8H12.5"),
    };
    format!(
        "<span class=\"badge {class}\"><svg viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"{sign}\"/></svg>{words}</span>"
    )
}
