//! The command `heigen list`.

use crate::args::ListArgs;
use crate::session::print;
use anyhow::Result;
use heigen::config::Start;
use heigen_store::catalogue::{Loaded, load, names, why_not};
use serde_json::json;

pub(crate) fn run(args: &ListArgs) -> Result<()> {
    let mut rows = Vec::new();
    for name in names() {
        let loaded = load(&name.to_string())?;
        rows.push((why_not(&loaded)?, loaded));
    }
    if args.json {
        let row = |(why, loaded): &(Option<String>, Loaded)| {
            let e = &loaded.experiment;
            json!({"name": e.name.to_string(), "model": kind(loaded, "model"), "dataset": kind(loaded, "dataset"),
                   "epochs": e.trainer.num_epochs, "start": e.start, "cannot_run": why, "notes": loaded.notes})
        };
        return print(&serde_json::to_string_pretty(&rows.iter().map(row).collect::<Vec<_>>())?);
    }
    let width = rows.iter().map(|(_, l)| l.experiment.name.to_string().len()).max().unwrap_or(0);
    print(&format!("{:width$}  {:10}  {:>7}  starts from", "experiment", "network", "epochs"))?;
    for (why, loaded) in &rows {
        let e = &loaded.experiment;
        let start = match (e.dataset.without_definition(), why, &e.start) {
            (Some(set), ..) => format!("never runnable: the data set {set} was never defined"),
            (None, Some(_), Start::Trained(from) | Start::LargeNorm(from)) => {
                format!("{from}, which is never runnable")
            }
            (None, _, Start::Fresh) => "fresh weights".to_owned(),
            (None, None, Start::Trained(from)) => from.to_string(),
            (None, None, Start::LargeNorm(from)) => format!("fresh weights at the norm of {from}"),
        };
        let (name, network) = (e.name.to_string(), kind(loaded, "model"));
        print(&format!("{name:width$}  {network:10}  {:>7}  {start}", e.trainer.num_epochs))?;
    }
    let undefined = rows.iter().filter(|(_, l)| l.experiment.dataset.without_definition().is_some()).count();
    let dependent = rows.iter().filter(|(why, _)| why.is_some()).count() - undefined;
    print(&format!(
        "{} experiments. {undefined} are never runnable: the reference names their data sets but never defined them. \
         {dependent} starts from one of these.",
        rows.len()
    ))
}

fn kind(loaded: &Loaded, part: &str) -> String {
    loaded.experiment.to_json()[part]["type"].as_str().unwrap_or_default().to_owned()
}
