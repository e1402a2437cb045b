//! The weights that training starts from: `init_model_at` and `large_norm`.

use serde_json::Value;

use super::fields::Fields;
use super::{ConfigError, ExperimentName, KnownExperiments, Start, nearest};

/// Reads both keys. If no experiment has the path that is given, but another one in this file's folder has its last
/// component, that one is meant: some of the reference's files leave the folder out, or name one that does not exist.
pub(super) fn start(
    top: &Fields<'_>,
    own: &ExperimentName,
    known: &dyn KnownExperiments,
    notes: &mut Vec<String>,
) -> Result<Start, ConfigError> {
    let large_norm = top.truth("large_norm", false)?;
    let path = match top.get("init_model_at") {
        None => "",
        Some(Value::String(path)) => path.as_str(),
        Some(_) => {
            return Err(top.invalid("init_model_at", "\"\" for fresh weights, or the <folder>/<name> of an experiment"));
        }
    };
    if path.is_empty() {
        return if large_norm {
            Err(top.conflict(
                "`large_norm` is true, but `init_model_at` names no model whose norm to take",
                "set `init_model_at` to the <folder>/<name> of a trained experiment, or `large_norm` to false",
            ))
        } else {
            Ok(Start::Fresh)
        };
    }
    let name = resolve(top, path, own, known, notes)?;
    Ok(if large_norm { Start::LargeNorm(name) } else { Start::Trained(name) })
}

fn resolve(
    top: &Fields<'_>,
    path: &str,
    own: &ExperimentName,
    known: &dyn KnownExperiments,
    notes: &mut Vec<String>,
) -> Result<ExperimentName, ConfigError> {
    if let Ok(name) = path.parse::<ExperimentName>()
        && known.contains(&name)
    {
        return Ok(name);
    }
    let last = path.rsplit('/').next().unwrap_or(path);
    if let Ok(sibling) = ExperimentName::new(own.folder.clone(), last)
        && sibling != *own
        && known.contains(&sibling)
    {
        notes.push(format!("`init_model_at` \"{path}\" is trained by no experiment; taken as its sibling {sibling}"));
        return Ok(sibling);
    }
    let names: Vec<String> = known.names().iter().filter(|&name| name != own).map(ToString::to_string).collect();
    Err(ConfigError::UnknownStart {
        origin: top.origin().to_owned(),
        got: path.to_owned(),
        nearest: nearest(path, names.iter().map(String::as_str), 3),
    })
}
