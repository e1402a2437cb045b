//! Names, shapes and places of the parameters in the flat vector theta.

use heigen_pickle::foreign_text::{joined, shown};
use std::collections::BTreeMap;
use std::ops::Range;

/// One parameter tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamEntry {
    /// PyTorch's name, e.g. `fc1.weight`.
    pub name: String,
    /// PyTorch's shape; a linear weight is [out, in], stored row by row.
    pub shape: Vec<usize>,
    /// The range of its numbers in theta.
    pub range: Range<usize>,
}

/// All parameter tensors of a network in state-dict order; theta is their concatenation, P numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamLayout {
    entries: Vec<ParamEntry>,
    tied: Vec<TiedName>,
    /// Whether a tensor may be used at several places, or at none.
    shared: bool,
    buffers: Vec<BufferEntry>,
}

/// A second name of a tensor: a layer has it in common with an earlier one (tied weights).
#[derive(Clone, Debug, PartialEq, Eq)]
struct TiedName {
    name: String,
    /// The index of the tensor among the entries.
    entry: usize,
    /// Number of entries that come before the name in state-dict order.
    place: usize,
}

/// A tensor of the state dict that is not a parameter, e.g. a running mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferEntry {
    /// PyTorch's name, e.g. `bn1.running_mean`.
    pub name: String,
    /// PyTorch's shape.
    pub shape: Vec<usize>,
}

/// Why named tensors do not fit a network, listed as PyTorch lists it.
#[derive(Debug, Default, thiserror::Error, PartialEq, Eq)]
#[error(
    "the weights do not fit the network: {}; use weights of this network, or an experiment with theirs",
    listed(&[
        ("missing", missing),
        ("unexpected", unexpected),
        ("wrong shape", misshapen),
        ("other numbers than in the tensor that it is tied to", untied)
    ])
)]
pub struct LayoutError {
    /// Parameters of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network lacks.
    pub unexpected: Vec<String>,
    /// Tensors of another shape, as `name is [..], expected [..]`.
    pub misshapen: Vec<String>,
    /// Second names of tensors under which the file has other numbers than under the first.
    pub untied: Vec<String>,
}

/// The kinds of mistakes that occur, each with the names of its tensors. The names are those of a foreign file.
fn listed(kinds: &[(&str, &[String])]) -> String {
    let occurring = kinds.iter().filter(|(_, names)| !names.is_empty());
    let joined = |names: &[String]| joined(&names.iter().map(|name| phrase(name)).collect::<Vec<_>>());
    occurring.map(|(kind, names)| format!("{kind}: {}", joined(names))).collect::<Vec<_>>().join("; ")
}

/// A name as messages show it; what is said about its shape, if anything, follows in brackets that this module wrote.
fn phrase(text: &str) -> String {
    match text.split_once(IS) {
        Some((name, shapes)) => format!("{}{IS}{shapes}", shown(name)),
        None => shown(text),
    }
}

/// The words between the name of a tensor and its wrong shape.
const IS: &str = " is [";

/// A shape in brackets; of very many axes the first ones.
fn brief(shape: &[usize]) -> String {
    const MOST: usize = 8;
    if shape.len() <= MOST {
        format!("{shape:?}")
    } else {
        format!("{:?} and {} more", &shape[..MOST], shape.len() - MOST)
    }
}

impl ParamLayout {
    /// Appends a tensor and returns its range in theta.
    pub fn push(&mut self, name: impl Into<String>, shape: &[usize]) -> Range<usize> {
        let start = self.n_params();
        let range = start..start + shape.iter().product::<usize>();
        self.entries.push(ParamEntry { name: name.into(), shape: shape.to_vec(), range: range.clone() });
        range
    }

    /// Appends a second name of the tensor that is known as `other`, and returns the tensor's range in theta; `None` if
    /// there is no such tensor.
    pub fn push_tied(&mut self, name: impl Into<String>, other: &str) -> Option<Range<usize>> {
        let entry = self.position(other)?;
        self.tied.push(TiedName { name: name.into(), entry, place: self.entries.len() });
        Some(self.entries[entry].range.clone())
    }

    /// Says that a tensor may be used at several places of a network, or at none.
    pub(super) fn share(&mut self) {
        self.shared = true;
    }

    /// Whether several layers may have a tensor in common.
    pub fn has_ties(&self) -> bool {
        self.shared || !self.tied.is_empty()
    }

    /// The index of a tensor by any of its names.
    fn position(&self, name: &str) -> Option<usize> {
        let own = self.entries.iter().position(|entry| entry.name == name);
        own.or_else(|| self.tied.iter().find(|tied| tied.name == name).map(|tied| tied.entry))
    }

    /// The tensor that has a name, be it its first or a second one.
    pub fn named(&self, name: &str) -> Option<&ParamEntry> {
        self.position(name).map(|entry| &self.entries[entry])
    }

    /// All names in state-dict order, each with its tensor: several names of one tensor stand where their layers do.
    pub fn names(&self) -> impl Iterator<Item = (&str, &ParamEntry)> {
        let second = |place| {
            let tied = self.tied.iter().filter(move |tied| tied.place == place);
            tied.map(|tied| (tied.name.as_str(), &self.entries[tied.entry]))
        };
        let own = |place: usize| self.entries.get(place).map(|entry| (entry.name.as_str(), entry));
        (0..=self.entries.len()).flat_map(move |place| second(place).chain(own(place)))
    }

    /// Appends a tensor that is not a parameter.
    pub fn push_buffer(&mut self, name: impl Into<String>, shape: &[usize]) {
        self.buffers.push(BufferEntry { name: name.into(), shape: shape.to_vec() });
    }

    /// The tensors that are not parameters.
    pub fn buffers(&self) -> &[BufferEntry] {
        &self.buffers
    }

    /// P, the number of parameters.
    pub fn n_params(&self) -> usize {
        self.entries.last().map_or(0, |e| e.range.end)
    }

    /// The tensors in order.
    pub fn entries(&self) -> &[ParamEntry] {
        &self.entries
    }

    /// Puts the tensors of a state dict, `(name, shape, values)` in any order, into theta. Buffers may be present or
    /// absent; a tensor of several names may be there under one of them, or under several with the same numbers.
    ///
    /// # Errors
    /// [`LayoutError`] with everything that is missing, unexpected, of another shape, or tied and different.
    pub fn assemble<'a, T: Copy + Default + PartialEq + 'a>(
        &self,
        tensors: impl IntoIterator<Item = (&'a str, &'a [usize], &'a [T])>,
    ) -> Result<Vec<T>, LayoutError> {
        let mut given: BTreeMap<_, _> = tensors.into_iter().map(|(n, shape, values)| (n, (shape, values))).collect();
        let mut theta = vec![T::default(); self.n_params()];
        let mut error = LayoutError::default();
        for (index, entry) in self.entries.iter().enumerate() {
            let second = self.tied.iter().filter(|tied| tied.entry == index).map(|tied| tied.name.as_str());
            let mut found: Option<&[T]> = None;
            let mut is_there = false;
            for name in std::iter::once(entry.name.as_str()).chain(second) {
                let Some((shape, values)) = given.remove(name) else { continue };
                is_there = true;
                if shape != entry.shape || values.len() != entry.range.len() {
                    error.misshapen.push(format!("{name}{IS}{}, expected {:?}", &brief(shape)[1..], entry.shape));
                    continue;
                }
                match found {
                    Some(same) if same != values => error.untied.push(name.to_owned()),
                    Some(_) => {}
                    None => found = Some(values),
                }
            }
            match found {
                Some(values) => theta[entry.range.clone()].copy_from_slice(values),
                None if !is_there => error.missing.push(entry.name.clone()),
                None => {}
            }
        }
        self.buffers.iter().for_each(|buffer| {
            given.remove(buffer.name.as_str());
        });
        error.unexpected.extend(given.into_keys().map(String::from));
        if error == LayoutError::default() { Ok(theta) } else { Err(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_does_not_fit_is_listed() {
        let mut layout = ParamLayout::default();
        assert_eq!(layout.push("fc.weight", &[2, 3]), 0..6);
        assert_eq!(layout.push("fc.bias", &[2]), 6..8);
        assert_eq!(layout.n_params(), 8);
        let weight = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let theta =
            layout.assemble([("fc.bias", &[2][..], &[7.0, 8.0][..]), ("fc.weight", &[2, 3][..], &weight[..])]).unwrap();
        assert_eq!(theta, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let error = layout.assemble([("fc.weight", &[3, 2][..], &weight[..]), ("fd", &[1][..], &[0.0][..])]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "the weights do not fit the network: missing: fc.bias; unexpected: fd; \
             wrong shape: fc.weight is [3, 2], expected [2, 3]; use weights of this network, or an experiment with theirs"
        );
    }
}
