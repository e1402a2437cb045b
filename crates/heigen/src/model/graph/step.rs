//! The steps of a graph, each with one forward pass and one reverse pass that serve all carriers.

use super::contraction::Contraction;
use super::linear_map::{LinearMap, Mapping};
use super::regions::Regions;
use super::softmax::{Along, Softmax};
use crate::model::{Algebra, Function, Layer, Smooth};
use std::ops::Range;
use std::sync::Arc;

/// What a node of a graph does. Tensors are [features, samples], or [rows, columns] with several columns for each sample; one
/// that does not depend on the sample has the columns of one sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// The sample.
    Input,
    /// A slice of theta.
    Parameter(Range<usize>),
    /// Numbers that do not vary.
    Constant(Arc<Vec<f64>>),
    /// Numbers of the weights file that are no parameters, by their name; `None` until they are given.
    Buffer { name: String, values: Option<Arc<Vec<f64>>> },
    /// A layer of a list, from one tensor.
    Layer(Box<Layer>),
    /// f(x), entry by entry.
    Elementwise(Function),
    /// -x.
    Negate,
    /// a + b. The second tensor may be one column that belongs to every column of the first one.
    Add,
    /// a b, entry by entry; the second tensor may be one column.
    Multiply,
    /// a m, and 0 wherever the mask m is 0; the mask may be one column.
    Masked,
    /// A linear map of every sample.
    Map(Mapping),
    /// The same numbers in columns of another length.
    Regroup,
    /// Sums of products.
    Contract(Arc<Contraction>),
    /// softmax or log(softmax) along an axis.
    Softmax { along: Along, log: bool },
    /// Largest entries of regions.
    Choose(Arc<Regions>),
    /// The rows of a table that have the places given by the second tensor.
    LookUp { row: usize },
}

/// A step with the nodes that it takes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) step: Step,
    pub(crate) inputs: Vec<usize>,
    /// Number of numbers for one sample.
    pub(crate) size: usize,
    /// Number of numbers in a column.
    pub(crate) rows: usize,
    /// Whether the tensor is the same for all samples.
    pub(crate) shared: bool,
    /// Whether the tensor depends on theta.
    pub(crate) learns: bool,
    /// Whether the tensor depends on the sample.
    pub(crate) sees: bool,
}

impl Node {
    /// Number of columns of one sample.
    pub(crate) fn own_columns(&self) -> usize {
        self.size / self.rows.max(1)
    }
}

impl Step {
    /// Whether the derivative of the output by input `i` is zero everywhere.
    pub(crate) fn ignores(&self, i: usize) -> bool {
        match self {
            Self::Elementwise(f) => f.vanishes(1),
            Self::Masked | Self::LookUp { .. } => i == 1,
            _ => false,
        }
    }

    /// Whether the reverse pass to input `of` needs the value of input `i`, or of the output (`None`).
    pub(crate) fn keeps(&self, of: usize, i: Option<usize>) -> bool {
        match self {
            Self::Elementwise(_) | Self::Choose(_) => i == Some(0),
            Self::Multiply | Self::Contract(_) => i == Some(1 - of),
            Self::Masked | Self::LookUp { .. } => i == Some(1),
            Self::Softmax { .. } => i.is_none(),
            _ => false,
        }
    }
}

/// The value of a step that is no layer. `x` are the values of its inputs.
pub(super) fn forward<A: Algebra>(node: &Node, a: &mut A, x: &[&A::Tensor]) -> Option<A::Tensor> {
    Some(match (&node.step, x) {
        (Step::Parameter(range), _) => {
            let theta = a.parameter(range);
            a.regroup(theta, node.rows)
        }
        (Step::Constant(values), _) | (Step::Buffer { values: Some(values), .. }, _) => {
            let values = a.constant(values);
            a.regroup(values, node.rows)
        }
        (Step::Elementwise(f), [x]) => a.elementwise(*f, 0, x),
        (Step::Negate, [x]) => {
            let x = a.copy(x);
            a.negate(x)
        }
        (Step::Add, [x, y]) => {
            let x = a.copy(x);
            a.add(x, y)
        }
        (Step::Multiply, [x, y]) => {
            let x = a.copy(x);
            a.multiply(x, y)
        }
        (Step::Masked, [x, mask]) => {
            let x = a.copy(x);
            a.masked(x, mask)
        }
        (Step::Map(map), [x]) => a.per_image(map, x),
        (Step::Regroup, [x]) => {
            let x = a.copy(x);
            a.regroup(x, node.rows)
        }
        (Step::Contract(map), [x, y]) => a.contract(map, x, y, false),
        (Step::Softmax { along, log }, [x]) => a.per_sample([x], &Softmax { along: *along, log: *log }),
        (Step::Choose(regions), [x]) => a.choose(regions, x, x),
        (Step::LookUp { row }, [table, ids]) => a.look_up(table, ids, *row),
        _ => return None,
    })
}

/// The derivative by input `of` from the one by the output, `delta`. `x` are the values of the inputs that
/// [`Step::keeps`] asks for, `y` is the output's.
pub(super) fn reverse<A: Algebra>(
    node: &Node,
    input: &Node,
    of: usize,
    a: &mut A,
    delta: &A::Tensor,
    x: &[Option<&A::Tensor>],
    y: Option<&A::Tensor>,
) -> Option<A::Tensor> {
    // What belongs to all samples gets the sum of their derivatives.
    let fold = input.shared && !node.shared;
    let out = match &node.step {
        Step::Elementwise(f) => {
            let slope = a.elementwise(*f, 1, x[0]?);
            let out = a.copy(delta);
            let out = a.multiply(out, &slope);
            a.recycle(slope);
            out
        }
        Step::Negate => {
            let out = a.copy(delta);
            a.negate(out)
        }
        Step::Add => a.copy(delta),
        Step::Multiply => {
            let out = a.copy(delta);
            a.multiply(out, x[1 - of]?)
        }
        Step::Masked => {
            let out = a.copy(delta);
            a.masked(out, x[1]?)
        }
        Step::Map(map) => a.per_image(&map.transpose(), delta),
        Step::Regroup => {
            let out = a.copy(delta);
            a.regroup(out, input.rows)
        }
        Step::Contract(map) if of == 0 => return Some(a.contract(&map.for_a(), delta, x[1]?, fold)),
        Step::Contract(map) => return Some(a.contract(&map.for_b(), delta, x[0]?, fold)),
        Step::Softmax { along, log } => {
            let sum = |a: &mut A, x: &A::Tensor| {
                a.per_image(&Mapping { map: Arc::new(LinearMap::SumAlong(along.0)), transposed: false }, x)
            };
            if *log {
                // delta - p sum(delta).
                let p = a.elementwise(Function::Smooth(Smooth::Exp), 0, y?);
                let total = sum(a, delta);
                let along = a.multiply(total, &p);
                a.recycle(p);
                let along = a.negate(along);
                let out = a.add(along, delta);
                out
            } else {
                // p delta - p sum(p delta).
                let p = y?;
                let own = a.copy(delta);
                let own = a.multiply(own, p);
                let total = sum(a, &own);
                let along = a.multiply(total, p);
                let along = a.negate(along);
                let out = a.add(own, &along);
                a.recycle(along);
                out
            }
        }
        Step::Choose(regions) => a.choose_transposed(regions, delta, x[0]?),
        Step::LookUp { row } => return Some(a.look_up_transposed(delta, x[1]?, [input.size, *row], fold)),
        Step::Input | Step::Parameter(_) | Step::Constant(_) | Step::Buffer { .. } | Step::Layer(_) => return None,
    };
    // A single column that belongs to many columns: to all samples, and where columns are no whole samples to all of theirs.
    if of == 1 && matches!(node.step, Step::Add | Step::Multiply) && input.size != node.size || fold {
        let own = if input.size == node.size { 1 } else { node.own_columns() };
        let total = a.total(&out, own);
        a.recycle(out);
        return Some(total);
    }
    Some(out)
}
