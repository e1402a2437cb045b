//! Tied weights: tensors that several layers have in common. A file shows them, or an architecture says so; each is one
//! parameter, as in PyTorch.

use super::ImportError;
use super::foreign::Foreign;
use heigen::config::Sequential;
use heigen::model::ParamLayout;
use heigen_formats::foreign_text::shown;
use heigen_store::weights::NamedTensor;
use std::path::Path;

/// Pairs of names of tensors that have numbers of the file in common.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedTensors {
    /// Names of one tensor. One of the two may be missing in the file.
    pub(super) tied: Vec<[String; 2]>,
    /// Names of two tensors of which one is a view of the other.
    pub(super) overlapping: Vec<[String; 2]>,
}

impl SharedTensors {
    fn names(&mut self) -> impl Iterator<Item = &mut String> {
        self.tied.iter_mut().chain(&mut self.overlapping).flatten()
    }

    pub(super) fn rename(&mut self, rename: impl Fn(&str) -> String) {
        self.names().for_each(|name| *name = rename(name));
    }

    /// Keeps the pairs whose names begin with `start`, without it.
    pub(super) fn keep_behind(&mut self, start: &str) {
        for pairs in [&mut self.tied, &mut self.overlapping] {
            pairs.retain(|pair| pair.iter().all(|name| name.starts_with(start)));
        }
        self.rename(|name| name[start.len()..].to_owned());
    }
}

/// Makes those tensors one in the architecture that are one in the file. Returns whether the architecture has changed.
///
/// # Errors
/// [`ImportError::Tied`] for two tensors of the architecture that cannot be one although they have numbers in common.
pub(super) fn meet(layout: &ParamLayout, foreign: &mut Foreign, model: &Path) -> Result<bool, ImportError> {
    let known = |pair: &[String; 2]| pair.iter().all(|name| layout.named(name).is_some());
    let refused = |names: &[String; 2]| ImportError::Tied { model: model.to_owned(), names: names.clone() };
    if let Some(names) = foreign.shared.overlapping.iter().find(|pair| known(pair)) {
        return Err(refused(names));
    }
    let mut changed = false;
    for pair in foreign.shared.tied.iter().filter(|pair| known(pair)) {
        changed |= tie(layout, &mut foreign.architecture, pair).ok_or_else(|| refused(pair))?;
        let [first, second] = pair.each_ref().map(|name| shown(name));
        foreign.notes.push(format!(
            "`{first}` and `{second}` are one tensor (tied weights): it is one parameter of both layers, as in PyTorch"
        ));
    }
    Ok(changed)
}

/// Makes two tensors one. Returns whether they were two before, and nothing if they cannot be one.
fn tie(layout: &ParamLayout, architecture: &mut Sequential, [a, b]: &[String; 2]) -> Option<bool> {
    let (of_a, of_b) = (layout.named(a)?, layout.named(b)?);
    if of_a == of_b {
        return Some(false);
    }
    if of_a.shape != of_b.shape {
        return None;
    }
    let mut in_order = layout.names().map(|(name, _)| name).filter(|name| name == a || name == b);
    let (earlier, later) = (in_order.next()?, in_order.next()?);
    architecture.tie(later, earlier).then_some(true)
}

/// A warning about tensors of several layers that hold the same numbers, where nothing says that they are one. Programs that
/// copy what they save lose ties.
pub(super) fn equal_but_not_tied(layout: &ParamLayout, tensors: &[NamedTensor<f64>]) -> Option<String> {
    let trained = |values: &[f64]| values.len() > 1 && values.iter().any(|v| *v != values[0]);
    let mut known: Vec<(&NamedTensor<f64>, usize)> = Vec::new();
    for tensor in tensors.iter().filter(|tensor| trained(&tensor.values)) {
        let Some(entry) = layout.named(&tensor.name) else { continue };
        let same = known.iter().find(|(other, start)| {
            *start != entry.range.start && other.shape == tensor.shape && other.values == tensor.values
        });
        if let Some((other, _)) = same {
            let [first, second] = [&other.name, &tensor.name].map(|name| shown(name));
            return Some(format!(
                "`{first}` and `{second}` hold the same numbers and are counted as two tensors: if the model has one tensor in \
                 both places (tied weights), say so in the architecture, by `tie`"
            ));
        }
        known.push((tensor, entry.range.start));
    }
    None
}
