//! Shapes of results, by the attributes and the constant inputs of a node.

use crate::error::{OnnxError, list};
use crate::graph::Node;
use crate::tensor::{MOST_AXES, Tensor};

/// A node with its constant inputs.
pub(crate) struct Given<'a> {
    pub(crate) node: &'a Node,
    /// The version of ONNX's operators.
    pub(crate) version: i64,
    /// The inputs, as far as they are constants.
    pub(crate) inputs: Vec<Option<Tensor>>,
}

/// Every `step`-th entry along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) axis: usize,
    pub(crate) start: usize,
    pub(crate) length: usize,
    pub(crate) step: isize,
}

/// Number of entries of a shape, if that is a number.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, &size| product.checked_mul(size))
}

/// Where a place that may count from the end lies among `length`.
pub(crate) fn from_front(place: i64, length: usize) -> Option<usize> {
    let length = length as i64;
    let place = if place < 0 { place.checked_add(length)? } else { place };
    (0..length).contains(&place).then_some(place as usize)
}

/// The shape of the result of an operation on two tensors, entry by entry.
pub(crate) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    let both = |i| match (size(a, i), size(b, i)) {
        (m, n) if m == n => Some(m),
        (1, n) | (n, 1) => Some(n),
        _ => None,
    };
    (0..rank).map(both).collect()
}

impl Given<'_> {
    pub(crate) fn error(&self, problem: impl Into<String>) -> OnnxError {
        self.node.error(problem)
    }

    pub(crate) fn constant(&self, i: usize) -> Option<&Tensor> {
        self.inputs.get(i).and_then(Option::as_ref)
    }

    /// Input `i` as integers, if the node has it.
    pub(crate) fn integers(&self, i: usize, what: &str) -> Result<Option<Vec<i64>>, OnnxError> {
        if self.node.input(i).is_none() {
            return Ok(None);
        }
        let constant = self.constant(i).ok_or_else(|| {
            self.error(format!("its {what} depends on the samples or on parameters; expected a constant"))
        })?;
        constant
            .values
            .iter()
            .map(
                |&v| {
                    if v.trunc() == v { Ok(v as i64) } else { Err(self.error(format!("its {what} has the entry {v}"))) }
                },
            )
            .collect::<Result<_, _>>()
            .map(Some)
    }

    /// Integers of an attribute, or of input `i`.
    pub(crate) fn listed(&self, attribute: &str, i: usize) -> Result<Option<Vec<i64>>, OnnxError> {
        if let Some(ints) = self.node.attributes.ints(attribute).filter(|_| self.node.attributes.has(attribute)) {
            return Ok(Some(ints.to_vec()));
        }
        self.integers(i, attribute)
    }

    /// A single number of input `i`, if the node has it.
    pub(crate) fn number(&self, i: usize, what: &str) -> Result<Option<f64>, OnnxError> {
        if self.node.input(i).is_none() {
            return Ok(None);
        }
        match self.constant(i).map(|c| &c.values[..]) {
            Some(&[number]) => Ok(Some(number)),
            Some(&[]) => Ok(None),
            _ => Err(self.error(format!("its {what} is not one constant number"))),
        }
    }

    /// The attribute `name` as an axis of a tensor of `rank` axes.
    pub(crate) fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, OnnxError> {
        let axis = self.node.attributes.int(name, default);
        from_front(axis, rank).ok_or_else(|| self.error(format!("its axis is {axis}, and the tensor has {rank} axes")))
    }

    /// The axes that the node names by its attribute or by input `i`.
    pub(crate) fn axes(&self, i: usize, rank: usize) -> Result<Option<Vec<usize>>, OnnxError> {
        let Some(axes) = self.listed("axes", i)? else { return Ok(None) };
        let mut found = Vec::with_capacity(axes.len().min(MOST_AXES));
        for &axis in &axes {
            let place = from_front(axis, rank).filter(|place| !found.contains(place));
            found.push(
                place.ok_or_else(|| {
                    self.error(format!("its axes are {}, and the tensor has {rank} axes", list(&axes)))
                })?,
            );
        }
        Ok(Some(found))
    }

    pub(crate) fn checked(&self, shape: Vec<usize>) -> Result<Vec<usize>, OnnxError> {
        if shape.len() > MOST_AXES {
            return Err(self.error(format!("it makes a tensor of {} axes; expected at most {MOST_AXES}", shape.len())));
        }
        if count(&shape).is_none() {
            return Err(self.error(format!("it makes a tensor of the shape {shape:?}, which is too large")));
        }
        Ok(shape)
    }

    /// The shape of the result of Reshape, Flatten, Squeeze or Unsqueeze.
    pub(crate) fn reshaped(&self, shape: &[usize]) -> Result<Vec<usize>, OnnxError> {
        let made = match self.node.operator.as_str() {
            "Reshape" => self.reshape(shape)?,
            "Flatten" => {
                let axis = self.node.attributes.int("axis", 1);
                let axis = if axis == shape.len() as i64 { Some(shape.len()) } else { from_front(axis, shape.len()) };
                let axis = axis.ok_or_else(|| self.error(format!("it has no axis to flatten from in {shape:?}")))?;
                vec![shape[..axis].iter().product(), shape[axis..].iter().product()]
            }
            "Squeeze" => {
                let axes = self.axes(1, shape.len())?;
                if let Some(&axis) = axes.iter().flatten().find(|&&axis| shape[axis] != 1) {
                    return Err(
                        self.error(format!("it takes axis {axis} away from {shape:?}; expected one of length 1"))
                    );
                }
                let gone = |i: usize| axes.as_ref().map_or(shape[i] == 1, |axes| axes.contains(&i));
                (0..shape.len()).filter(|&i| !gone(i)).map(|i| shape[i]).collect()
            }
            _ => {
                let count = self.listed("axes", 1)?.map_or(0, |axes| axes.len());
                let rank = shape.len().saturating_add(count);
                if rank > MOST_AXES {
                    return Err(self.error(format!("it makes a tensor of {rank} axes; expected at most {MOST_AXES}")));
                }
                let axes = self.axes(1, rank)?.unwrap_or_default();
                let mut rest = shape.iter().copied();
                (0..rank).map(|i| if axes.contains(&i) { 1 } else { rest.next().unwrap_or(1) }).collect()
            }
        };
        self.checked(made)
    }

    fn reshape(&self, shape: &[usize]) -> Result<Vec<usize>, OnnxError> {
        let wanted = self.listed("shape", 1)?.ok_or_else(|| self.error("it has no shape to reshape to"))?;
        let wrong =
            || self.error(format!("it gives {shape:?} the shape {}; the numbers are not as many", list(&wanted)));
        if wanted.len() > MOST_AXES {
            return Err(wrong());
        }
        let copies = self.node.attributes.int("allowzero", 0) == 0;
        let mut made = Vec::with_capacity(wanted.len());
        let mut open = None;
        for (i, &size) in wanted.iter().enumerate() {
            made.push(match size {
                0 if copies => *shape.get(i).ok_or_else(wrong)?,
                -1 if open.is_none() => {
                    open = Some(i);
                    1
                }
                size => usize::try_from(size).map_err(|_| wrong())?,
            });
        }
        let all = count(shape).ok_or_else(wrong)?;
        let known = count(&made).ok_or_else(wrong)?;
        if let Some(i) = open {
            made[i] = all.checked_div(known).unwrap_or(0);
        }
        if count(&made) == Some(all) { Ok(made) } else { Err(wrong()) }
    }

    /// The attribute `perm`: all axes, each once.
    pub(crate) fn permutation(&self, rank: usize) -> Result<Vec<usize>, OnnxError> {
        let Some(ints) = self.node.attributes.ints("perm").filter(|ints| !ints.is_empty()) else {
            return Ok((0..rank).rev().collect());
        };
        let permutation: Vec<usize> = ints.iter().filter_map(|&i| from_front(i, rank)).collect();
        if permutation.len() != rank || ints.len() != rank || !(0..rank).all(|axis| permutation.contains(&axis)) {
            return Err(self.error(format!("its attribute perm does not order {rank} axes")));
        }
        Ok(permutation)
    }

    /// The shape of the result of Expand.
    pub(crate) fn expanded(&self, shape: &[usize]) -> Result<Vec<usize>, OnnxError> {
        let wanted = self.integers(1, "shape")?.ok_or_else(|| self.error("it has no shape to expand to"))?;
        let sizes: Option<Vec<usize>> = wanted.iter().map(|&n| usize::try_from(n).ok()).collect();
        let made = sizes.filter(|sizes| sizes.len() <= MOST_AXES).and_then(|sizes| broadcast(shape, &sizes));
        let made = made.ok_or_else(|| self.error(format!("it expands {shape:?} to {}", list(&wanted))))?;
        self.checked(made)
    }

    /// How often Tile repeats each axis.
    pub(crate) fn repeats(&self, rank: usize) -> Result<Vec<usize>, OnnxError> {
        let wanted = self.integers(1, "repeats")?.unwrap_or_default();
        let repeats: Option<Vec<usize>> = wanted.iter().map(|&n| usize::try_from(n).ok()).collect();
        let repeats = repeats.filter(|repeats| repeats.len() == rank);
        repeats.ok_or_else(|| self.error(format!("it repeats {rank} axes {} times", list(&wanted))))
    }

    /// The entries that Slice keeps of a tensor, axis by axis.
    pub(crate) fn slices(&self, shape: &[usize]) -> Result<Vec<Cut>, OnnxError> {
        let missing = |what: &str| self.error(format!("it has no {what}"));
        let starts = self.listed("starts", 1)?.ok_or_else(|| missing("starts"))?;
        let ends = self.listed("ends", 2)?.ok_or_else(|| missing("ends"))?;
        let axes = self.axes(3, shape.len())?.unwrap_or_else(|| (0..starts.len()).collect());
        let steps = self.integers(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
        let fits = axes.iter().all(|&axis| axis < shape.len());
        if !fits || [ends.len(), axes.len(), steps.len()].iter().any(|&n| n != starts.len()) || steps.contains(&0) {
            return Err(self.error(format!("its starts, ends, axes and steps do not fit a tensor of {shape:?}")));
        }
        let cut = |i: usize| {
            let (axis, step) = (axes[i], steps[i]);
            let length = shape[axis] as i64;
            let place = |n: i64| if n < 0 { n.saturating_add(length) } else { n };
            let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
            let start =
                if step > 0 { place(starts[i]).clamp(0, length) } else { place(starts[i]).clamp(0, high.max(0)) };
            let end = place(ends[i]).clamp(low, high.max(low));
            let distance = if step > 0 { end - start } else { start - end };
            let kept = if length > 0 && distance > 0 { (distance - 1) / step.saturating_abs() + 1 } else { 0 };
            // A step beyond the end matters to nobody.
            let step = step.clamp(-length.max(1), length.max(1));
            Cut { axis, start: start as usize, length: kept as usize, step: step as isize }
        };
        Ok((0..starts.len()).map(cut).collect())
    }

    /// The lengths of the parts of Split.
    pub(crate) fn parts(&self, length: usize) -> Result<Vec<usize>, OnnxError> {
        let outputs = self.node.outputs.len();
        let wrong = || self.error(format!("its parts are not those of an axis of {length} for {outputs} outputs"));
        if let Some(sizes) = self.listed("split", 1)? {
            let sizes: Vec<usize> = sizes.iter().filter_map(|&n| usize::try_from(n).ok()).collect();
            let sum = sizes.iter().try_fold(0_usize, |sum, &n| sum.checked_add(n));
            return if sizes.len() == outputs && sum == Some(length) { Ok(sizes) } else { Err(wrong()) };
        }
        let parts = self.node.attributes.int("num_outputs", outputs as i64);
        if outputs == 0 || parts != outputs as i64 {
            return Err(wrong());
        }
        let size = length.div_ceil(outputs);
        Ok((0..outputs).map(|i| size.min(length.saturating_sub(i * size))).collect())
    }

    /// Entries before and after each axis that Pad adds, or takes away where they are negative.
    pub(crate) fn pads(&self, rank: usize) -> Result<Vec<[i64; 2]>, OnnxError> {
        const LONGEST: i64 = 1 << 20;
        let pads = self.listed("pads", 1)?.or(self.node.attributes.ints("paddings").map(<[i64]>::to_vec));
        let pads = pads.ok_or_else(|| self.error("it has no pads"))?;
        let axes = match self.integers(3, "axes")? {
            None => (0..rank).collect(),
            Some(axes) => axes.iter().filter_map(|&axis| from_front(axis, rank)).collect::<Vec<_>>(),
        };
        if pads.len() != 2 * axes.len() || pads.iter().any(|n| n.unsigned_abs() > LONGEST.unsigned_abs()) {
            return Err(self.error(format!("its pads are {}, for {} axes", list(&pads), axes.len())));
        }
        let mut all = vec![[0; 2]; rank];
        for (i, &axis) in axes.iter().enumerate() {
            all[axis] = [pads[i], pads[axes.len() + i]];
        }
        Ok(all)
    }
}
