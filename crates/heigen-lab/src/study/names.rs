//! How the names of tensors in a file meet those of an architecture: wrappers of the network put something before every
//! name, and files hold more than one network.

use super::foreign::ends_with_name;
use super::ties::SharedTensors;
use super::{ImportError, Renaming};
use heigen::model::{LayoutError, ParamLayout};
use heigen_formats::foreign_text::{listed, shown};
use heigen_store::weights::NamedTensor;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The part of a name that torch.compile puts before those of the module that it compiles.
const COMPILED: &str = "_orig_mod.";
/// Parts of names that belong to a copy of the network with averaged weights.
const AVERAGED: [&str; 4] = ["ema", "swa", "averaged", "shadow"];

/// Takes the names of a file's tensors to those of the architecture, where a wrapper explains the difference. Returns
/// sentences about what was done.
///
/// If all tensors of the architecture are there under one beginning, and only there, those are the network, and the others
/// are left out.
pub(super) fn meet(
    layout: &ParamLayout,
    tensors: &mut Vec<NamedTensor<f64>>,
    shared: &mut SharedTensors,
    model: &Path,
) -> Result<Vec<String>, ImportError> {
    let mut notes = Vec::new();
    if has_all(layout, tensors, shared, "") {
        return Ok(notes);
    }
    if tensors.iter().any(|t| t.name.contains(COMPILED)) {
        let bare: Vec<String> = tensors.iter().map(|t| t.name.replace(COMPILED, "")).collect();
        if bare.iter().collect::<BTreeSet<_>>().len() == bare.len() {
            tensors.iter_mut().zip(bare).for_each(|(tensor, name)| tensor.name = name);
            shared.rename(|name| name.replace(COMPILED, ""));
            notes.push(format!("`{COMPILED}`, which torch.compile adds, is left out of the names of the tensors"));
        }
        if has_all(layout, tensors, shared, "") {
            return Ok(notes);
        }
    }
    let Some(first) = layout.entries().first() else { return Ok(notes) };
    let mut starts: Vec<String> = tensors
        .iter()
        .filter(|t| ends_with_name(&t.name, &first.name))
        .map(|t| t.name[..t.name.len() - first.name.len()].to_owned())
        .filter(|start| has_all(layout, tensors, shared, start))
        .collect();
    starts.dedup();
    let is_averaged = |start: &String| AVERAGED.iter().any(|word| start.to_ascii_lowercase().contains(word));
    let plain: Vec<&String> = starts.iter().filter(|start| !is_averaged(start)).collect();
    let start = match (&starts[..], &plain[..]) {
        ([], _) => return Ok(notes),
        ([only], _) | (_, &[only]) => only.clone(),
        _ => return Err(ImportError::Several { model: model.to_owned(), starts }),
    };
    let outside: Vec<String> = tensors.iter().filter(|t| !t.name.starts_with(&start)).map(|t| t.name.clone()).collect();
    tensors.retain(|t| t.name.starts_with(&start));
    tensors.iter_mut().for_each(|t| t.name = t.name[start.len()..].to_owned());
    shared.keep_behind(&start);
    let left = if outside.is_empty() {
        String::new()
    } else {
        format!("; the others are left out: {}", listed(outside.iter().map(String::as_str)))
    };
    notes.push(format!("the network's tensors are those whose names begin with `{}`{left}", shown(&start)));
    Ok(notes)
}

/// Whether every parameter of the architecture is among the tensors under one of its names behind `start`, with its shape.
fn has_all(layout: &ParamLayout, tensors: &[NamedTensor<f64>], shared: &SharedTensors, start: &str) -> bool {
    let mut there: BTreeMap<&str, &[usize]> =
        tensors.iter().filter_map(|t| Some((t.name.strip_prefix(start)?, &t.shape[..]))).collect();
    // A tied tensor may stand in the file under one of its names only.
    for [a, b] in &shared.tied {
        if let (Some(a), Some(b)) = (a.strip_prefix(start), b.strip_prefix(start)) {
            for (here, missing) in [(a, b), (b, a)] {
                if let Some(&shape) = there.get(here) {
                    there.entry(missing).or_insert(shape);
                }
            }
        }
    }
    let found = layout.names().filter(|(name, entry)| there.get(name) == Some(&&entry.shape[..]));
    let found: BTreeSet<&str> = found.map(|(_, entry)| entry.name.as_str()).collect();
    found.len() == layout.entries().len()
}

/// Renamings under which all tensors would fit: layer after layer in the order of the file has the tensors, by their last
/// names and shapes, that the architecture's layers have. Empty if there are none.
pub(super) fn guessed(layout: &ParamLayout, tensors: &[NamedTensor<f64>], error: &LayoutError) -> Vec<Renaming> {
    if error.missing.is_empty() {
        return Vec::new();
    }
    let buffers: BTreeSet<&str> = layout.buffers().iter().filter_map(|buffer| buffer.name.rsplit('.').next()).collect();
    let file = tensors.iter().filter(|t| !buffers.contains(last(&t.name))).map(|t| (t.name.as_str(), &t.shape[..]));
    let own = layout.names().map(|(name, entry)| (name, &entry.shape[..]));
    let (file, own) = (layers(file), layers(own));
    let fits = file.len() == own.len() && file.iter().zip(&own).all(|(file, own)| file.1 == own.1);
    if !fits {
        return Vec::new();
    }
    let pairs = file.into_iter().zip(own).filter(|(file, own)| file.0 != own.0);
    pairs.map(|((from, _), (to, _))| Renaming { from: from.to_owned(), to: to.to_owned() }).collect()
}

fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// A layer: the beginning of its tensors' names, and their last names with their shapes.
type OfLayer<'a> = (&'a str, BTreeSet<(&'a str, &'a [usize])>);

/// Tensors by layer, in the order in which the layers appear.
fn layers<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> Vec<OfLayer<'a>> {
    let mut layers: Vec<OfLayer<'a>> = Vec::new();
    for (name, shape) in tensors {
        let leaf = last(name);
        let start = &name[..name.len() - leaf.len()];
        match layers.iter_mut().find(|(known, _)| *known == start) {
            Some((_, parts)) => drop(parts.insert((leaf, shape))),
            None => layers.push((start, BTreeSet::from([(leaf, shape)]))),
        }
    }
    layers
}
