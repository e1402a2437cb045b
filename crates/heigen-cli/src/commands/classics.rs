//! The command `heigen reproduce classics`.

use crate::args::ReproduceArgs;
use crate::session::{Session, print, usage};
use anyhow::Result;
use heigen_lab::{ClassicsRequest, classic_names};
use heigen_store::classic_record::ClassicRecord;
use serde_json::json;

/// Runs the classic experiments of these names, or all.
pub(crate) fn run(args: &ReproduceArgs, names: &[String]) -> Result<()> {
    if let Some(name) = names.iter().find(|name| !classic_names().contains(&name.as_str())) {
        usage(&format!("there is no classic experiment {name}; there are {}", classic_names().join(", ")));
    }
    if args.report_only || args.dry_run || args.seeds.is_some() {
        usage(
            "--report-only, --dry-run and --seeds are for the paper; classics are done at once, what is there is reused",
        );
    }
    let session = Session::of_reproduction(args)?;
    let request = ClassicsRequest {
        store: session.store.clone(),
        names: names.to_vec(),
        folder: args.figures_dir.clone(),
        report: args.report.clone(),
        making: session.making.clone(),
    };
    let done = session.lab.classics(&request, &session.face)?;
    session.face.clear();
    if args.json {
        let of = |(record, verdicts): (&ClassicRecord, &Vec<&str>)| {
            let claims: Vec<_> = record
                .claims
                .iter()
                .zip(verdicts)
                .map(|(claim, verdict)| json!({"claim": claim, "verdict": verdict}))
                .collect();
            json!({"name": record.name, "seconds": record.seconds, "claims": claims})
        };
        let all: Vec<_> = done.records.iter().zip(&done.verdicts).map(of).collect();
        return print(&json!({"classics": all, "report": done.page, "figures": done.figures}).to_string());
    }
    for (record, verdicts) in done.records.iter().zip(&done.verdicts) {
        print(&record.name)?;
        for (claim, verdict) in record.claims.iter().zip(verdicts) {
            print(&format!("  {:<13} {}", verdict, claim.statement))?;
            for finding in &claim.findings {
                let side = match finding.supports {
                    Some(true) => "for",
                    Some(false) => "against",
                    None => "open",
                };
                print(&format!("    {side:<9} {}", finding.text))?;
            }
        }
    }
    for figure in done.figures.iter().filter(|path| path.extension().is_some_and(|e| e == "png")) {
        print(&figure.display().to_string())?;
    }
    print(&done.page.display().to_string())
}
