//! The computation of the graph from its input, as steps that each take the result of another.

use crate::affine::Affine;
use crate::graph::{NodeId, ValueId};
use heigen::vocabulary::LayerSpec;
use std::fmt;

/// A step's place in [`Steps`].
pub(crate) type StepId = usize;

/// The form of the numbers that a step makes of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Features(usize),
    /// Channels, rows and columns.
    Image([usize; 3]),
}

impl Form {
    /// The number of numbers; it cannot overflow, because forms are checked when they are made.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Features(n) => n,
            Self::Image([c, h, w]) => c * h * w,
        }
    }

    /// The number of features, or of channels.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Features(n) | Self::Image([n, _, _]) => n,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Features(n) => write!(f, "{n} features"),
            Self::Image([c, h, w]) => write!(f, "an image of {c} x {h} x {w}"),
        }
    }
}

/// Batch normalisation.
#[derive(Clone, Debug)]
pub(crate) struct Normalization {
    pub(crate) eps: f64,
    /// Weight, bias, running mean, running variance.
    pub(crate) tensors: [crate::tensor::Tensor; 4],
    pub(crate) origins: [Option<ValueId>; 4],
    /// Whether weight and bias are parameters; else they are ones and zeros that the exporter wrote.
    pub(crate) affine: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// The graph's input.
    Root,
    /// The input's features as an image, channel after channel or, with `channels_last`, pixel after pixel.
    Unflatten {
        channels_last: bool,
    },
    /// A layer without parameters.
    Layer(LayerSpec),
    /// A linear layer or a convolution.
    Affine(Affine),
    Normalization(Normalization),
    /// A sum of two steps.
    Join([StepId; 2]),
    /// Normalised exponentials of the features.
    Softmax,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The step whose result this one takes; for a sum, the last step that both of its branches pass through.
    pub(crate) parent: StepId,
    depth: usize,
    pub(crate) kind: Kind,
    pub(crate) form: Form,
    /// The node that it comes from; nothing for the input.
    pub(crate) node: Option<NodeId>,
}

#[derive(Debug)]
pub(crate) struct Steps(Vec<Step>);

/// The input's step.
pub(crate) const ROOT: StepId = 0;

impl Steps {
    pub(crate) fn new(form: Form) -> Self {
        Self(vec![Step { parent: ROOT, depth: 0, kind: Kind::Root, form, node: None }])
    }

    pub(crate) fn get(&self, id: StepId) -> &Step {
        &self.0[id]
    }

    pub(crate) fn push(&mut self, parent: StepId, kind: Kind, form: Form, node: Option<NodeId>) -> StepId {
        let depth = self.0[parent].depth + 1;
        self.0.push(Step { parent, depth, kind, form, node });
        self.0.len() - 1
    }

    pub(crate) fn join(&mut self, ways: [StepId; 2], node: NodeId) -> StepId {
        let [mut a, mut b] = ways;
        while a != b {
            let deeper = if self.0[a].depth >= self.0[b].depth { &mut a } else { &mut b };
            *deeper = self.0[*deeper].parent;
        }
        self.push(a, Kind::Join(ways), self.0[ways[0]].form, Some(node))
    }

    /// The steps after `from` up to `to`, which comes later on the same way.
    pub(crate) fn path(&self, from: StepId, to: StepId) -> Vec<StepId> {
        let mut path: Vec<StepId> = std::iter::successors(Some(to), |&step| Some(self.0[step].parent))
            .take_while(|&step| step != from)
            .collect();
        path.reverse();
        path
    }
}
