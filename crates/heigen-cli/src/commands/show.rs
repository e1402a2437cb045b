//! The command `heigen show`.

use crate::args::ShowArgs;
use crate::face::Face;
use crate::remedy;
use crate::session::{lab, print, usage};
use anyhow::Result;
use heigen_store::catalogue::{Origin, chain, load, why_not};
use serde_json::{Value, json};

pub(crate) fn run(args: &ShowArgs) -> Result<()> {
    let names = args.names.all();
    if names.is_empty() {
        usage("no experiment given: heigen show NAME...; `heigen list` shows them");
    }
    let (lab, face) = (lab(&args.data.data_dir, 1)?, Face::new());
    for name in names {
        let mut loaded = load(&name)?;
        if let Some(seed) = args.seed {
            loaded.experiment.seed = seed;
        }
        let starts: Vec<String> = chain(&loaded)?.iter().map(|l| l.experiment.name.to_string()).collect();
        let why = why_not(&loaded)?;
        let prepared = lab.prepared(&loaded.experiment, &face);
        let sizes = match &prepared {
            Ok(p) => json!({"n_params": p.network.n_params(), "n_features": p.samples.data.n_features(),
                "n_classes": p.samples.data.n_classes, "n_samples": p.samples.data.n_samples(), "train": p.samples.split.train.len(),
                "validation": p.samples.split.validation.len(), "test": p.samples.split.test.len(), "data_source": p.samples.data.source}),
            Err(_) => Value::Null,
        };
        let config = loaded.experiment.to_json();
        if args.json {
            let all = json!({"name": loaded.experiment.name.to_string(), "experiment": config, "chain": starts,
                "sizes": sizes, "cannot_run": why, "notes": loaded.notes});
            print(&serde_json::to_string_pretty(&all)?)?;
            continue;
        }
        let origin = match &loaded.origin {
            Origin::Shipped => "shipped with heigen".to_owned(),
            Origin::File(path) => path.display().to_string(),
        };
        let shown = &loaded.experiment.name;
        print(&format!("{shown}  ({origin})"))?;
        print(&serde_json::to_string_pretty(&config)?)?;
        let mut line = starts.clone();
        line.push(shown.to_string());
        print(&format!("chain     {}", line.join(" -> ")))?;
        match (&prepared, why) {
            (_, Some(why)) => {
                let because = format!("{shown} cannot run: ");
                print(&format!("never     runnable: {}", why.strip_prefix(&because).unwrap_or(&why)))?;
            }
            (Ok(p), None) => {
                let tensor = |(name, entry): (&str, &heigen::model::ParamEntry)| {
                    let of = if name == entry.name { String::new() } else { format!(", that of {}", entry.name) };
                    format!("{name} {:?}{of}", entry.shape)
                };
                let layers: Vec<String> = p.network.layout().names().map(tensor).collect();
                print(&format!("P         {} parameters: {}", p.network.n_params(), layers.join(", ")))?;
                print(&format!(
                    "samples   {} of {} in {} classes ({})",
                    p.samples.data.n_samples(),
                    counted(p.samples.data.n_features(), "feature"),
                    p.samples.data.n_classes,
                    p.samples.data.source
                ))?;
                print(&format!(
                    "split     {} train, {} validation, {} test",
                    p.samples.split.train.len(),
                    p.samples.split.validation.len(),
                    p.samples.split.test.len()
                ))?;
            }
            (Err(error), None) => print(&format!("sizes     unknown: {}", remedy::text(error)))?,
        }
        for note in &loaded.notes {
            print(&format!("note      {note}"))?;
        }
    }
    Ok(())
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
