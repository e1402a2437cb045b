//! The steps of a graph, each with one forward pass and one reverse pass that serve all carriers.

use super::contraction::Contraction;
use super::linear_map::{Join, LinearMap, Mapping};
use super::regions::Regions;
use super::softmax::{Kind, Softmax};
use crate::model::{Algebra, Function, Layer, Smooth};
use std::ops::Range;
use std::sync::Arc;

/// The operation of a node of a graph. Tensors are [features, samples], or [rows, columns] with several columns for each sample; one
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
    /// The tensor in columns of another length.
    Regroup,
    /// Sums of products.
    Contract(Arc<Contraction>),
    /// sign(a - b), entry by entry; the second tensor may be one column.
    Order,
    /// softmax or log(softmax) along an axis.
    Softmax(Softmax),
    /// Largest entries of regions.
    Choose(Arc<Regions>),
    /// The entries of regions that are largest in the second tensor.
    ChooseBy(Arc<Regions>),
    /// Several tensors put together.
    Join(Arc<Join>),
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
    /// Whether the value of the first input is used up.
    pub(crate) fn consumes(&self) -> bool {
        matches!(self, Self::Negate | Self::Add | Self::Multiply | Self::Masked | Self::Order | Self::Regroup)
    }

    /// Whether the derivative of the output by input `i` is zero everywhere.
    pub(crate) fn ignores(&self, i: usize) -> bool {
        match self {
            Self::Elementwise(f) => f.vanishes(1),
            Self::Masked | Self::LookUp { .. } | Self::ChooseBy(_) => i == 1,
            Self::Order => true,
            _ => false,
        }
    }

    /// Whether the reverse pass to input `of` needs the value of input `i`, or of the output (`None`).
    pub(crate) fn keeps(&self, of: usize, i: Option<usize>) -> bool {
        match self {
            Self::Elementwise(_) | Self::Choose(_) => i == Some(0),
            Self::Multiply | Self::Contract(_) => i == Some(1 - of),
            Self::Masked | Self::LookUp { .. } | Self::ChooseBy(_) => i == Some(1),
            Self::Softmax(_) => i.is_none(),
            _ => false,
        }
    }
}

/// The value of a step that is no layer. `own` is the first input where [`Step::consumes`] says so; `x` are the values of
/// the inputs, `None` where it is the first one's.
pub(super) fn forward<A: Algebra>(
    node: &Node,
    a: &mut A,
    own: Option<A::Tensor>,
    x: &[Option<&A::Tensor>],
) -> Option<A::Tensor> {
    let at = |i: usize| x.get(i).copied().flatten();
    Some(match &node.step {
        Step::Parameter(range) => {
            let theta = a.parameter(range);
            a.regroup(theta, node.rows)
        }
        Step::Constant(values) | Step::Buffer { values: Some(values), .. } => {
            let values = a.constant(values);
            a.regroup(values, node.rows)
        }
        Step::Elementwise(f) => a.elementwise(*f, 0, at(0)?),
        Step::Negate => a.negate(own?),
        Step::Add => a.add(own?, at(1)?),
        Step::Multiply => a.multiply(own?, at(1)?),
        Step::Masked => a.masked(own?, at(1)?),
        Step::Order => a.order(own?, at(1)?),
        Step::Regroup => a.regroup(own?, node.rows),
        Step::Map(map) => a.per_image(map, at(0)?),
        Step::Contract(map) => a.contract(map, at(0)?, at(1)?, false),
        Step::Join(join) => {
            let x: Option<Vec<&A::Tensor>> = x.iter().copied().collect();
            a.join(join, &x?)
        }
        Step::Softmax(map) => a.per_sample([at(0)?], map),
        Step::Choose(regions) => a.choose(regions, at(0)?, at(0)?),
        Step::ChooseBy(regions) => a.choose(regions, at(0)?, at(1)?),
        Step::LookUp { row } => a.look_up(at(0)?, at(1)?, *row),
        // Numbers that nobody has given are none.
        Step::Buffer { values: None, .. } => {
            let values = a.constant(&vec![f64::NAN; node.size]);
            a.regroup(values, node.rows)
        }
        Step::Input | Step::Layer(_) => return None,
    })
}

/// The derivative by input `of` from the one by the output, `delta`, which is used up. `x` are the values of the inputs that
/// [`Step::keeps`] asks for, `y` is the output's.
pub(super) fn reverse<A: Algebra>(
    node: &Node,
    input: &Node,
    of: usize,
    a: &mut A,
    delta: A::Tensor,
    x: &[Option<&A::Tensor>],
    y: Option<&A::Tensor>,
) -> Option<A::Tensor> {
    // What belongs to all samples gets the sum of their derivatives.
    let fold = input.shared && !node.shared;
    let out = match &node.step {
        Step::Elementwise(f) => {
            let slope = a.elementwise(*f, 1, x[0]?);
            let out = a.multiply(delta, &slope);
            a.recycle(slope);
            out
        }
        Step::Negate => a.negate(delta),
        Step::Add => delta,
        Step::Multiply => a.multiply(delta, x[1 - of]?),
        Step::Masked => a.masked(delta, x[1]?),
        Step::Regroup => a.regroup(delta, input.rows),
        Step::Softmax(map) => of_softmax(a, *map, delta, y?),
        step => {
            let out = match step {
                Step::Join(join) => {
                    let own = a.per_image(&join.parts[of].transpose(), &delta);
                    if fold {
                        let total = a.total(&own, 1);
                        a.recycle(own);
                        a.recycle(delta);
                        return Some(total);
                    }
                    own
                }
                Step::Map(map) => a.per_image(&map.transpose(), &delta),
                Step::Contract(map) if of == 0 => a.contract(&map.for_a(), &delta, x[1]?, fold),
                Step::Contract(map) => a.contract(&map.for_b(), &delta, x[0]?, fold),
                Step::Choose(regions) => a.choose_transposed(regions, &delta, x[0]?),
                Step::ChooseBy(regions) => a.choose_transposed(regions, &delta, x[1]?),
                Step::LookUp { row } => a.look_up_transposed(&delta, x[1]?, [input.size, *row], fold),
                _ => return None,
            };
            a.recycle(delta);
            // These have added up what all samples share already.
            return Some(out);
        }
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

/// delta - p sum(delta) for the logarithm of p = softmax(x), p delta - p sum(p delta) for p itself, group by group.
fn of_softmax<A: Algebra>(a: &mut A, map: Softmax, delta: A::Tensor, y: &A::Tensor) -> A::Tensor {
    let sums = Mapping { map: Arc::new(LinearMap::SumAlong(map.along.0)), transposed: false };
    if map.kind == Kind::Logarithms {
        let p = a.elementwise(Function::Smooth(Smooth::Exp), 0, y);
        let total = a.per_image(&sums, &delta);
        let along = a.multiply(total, &p);
        a.recycle(p);
        let along = a.negate(along);
        let out = a.add(along, &delta);
        a.recycle(delta);
        return out;
    }
    let own = a.multiply(delta, y);
    let total = a.per_image(&sums, &own);
    let along = a.multiply(total, y);
    let along = a.negate(along);
    let out = a.add(own, &along);
    a.recycle(along);
    out
}
