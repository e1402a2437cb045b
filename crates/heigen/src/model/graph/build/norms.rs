//! Normalisations.

use super::super::step::Step;
use super::value::Value;
use super::{Built, Lowering};
use crate::model::{BatchNorm, Function, Layer, Statistics};
use crate::vocabulary::graph::Reduction;

impl Lowering<'_> {
    /// (x - mean) / sqrt(variance + eps) over some axes; without the mean if not `centred`.
    fn normalised(&mut self, x: &Value, axes: &[usize], epsilon: f64, centred: bool) -> Built<Value> {
        let mut y = x.clone();
        if centred {
            let mean = self.reduce(x, Reduction::Mean, axes, true)?;
            let minus = self.negate(&mean);
            y = self.add(x, &minus)?;
        }
        let square = self.multiply(&y, &y)?;
        let variance = self.reduce(&square, Reduction::Mean, axes, true)?;
        let inverse = self.elementwise(&variance, Function::InverseSqrt { epsilon });
        self.multiply(&y, &inverse)
    }

    /// x weight + bias, each if there is one, of the given shape.
    fn scaled_and_shifted(&mut self, x: Value, affine: [Option<&Value>; 2], shape: &[usize]) -> Built<Value> {
        let mut y = x;
        for (i, tensor) in affine.into_iter().enumerate() {
            let Some(tensor) = tensor else { continue };
            if tensor.size() != shape.iter().product::<usize>() {
                return Err(format!("weight and bias of shape {:?}; expected {shape:?}", tensor.shape));
            }
            let tensor = self.reshape(tensor, shape)?;
            y = if i == 0 { self.multiply(&y, &tensor)? } else { self.add(&y, &tensor)? };
        }
        Ok(y)
    }

    /// Normalisation over the last axes.
    pub(super) fn layer_norm(
        &mut self,
        x: &Value,
        affine: [Option<&Value>; 2],
        axes: usize,
        epsilon: f64,
        centred: bool,
    ) -> Built<Value> {
        let rank = x.shape.len();
        if axes == 0 || axes > rank {
            return Err(format!("{axes} axes of a tensor of shape {:?}", x.shape));
        }
        let over: Vec<usize> = (rank - axes..rank).collect();
        let y = self.normalised(x, &over, epsilon, centred)?;
        self.scaled_and_shifted(y, affine, &x.shape[rank - axes..])
    }

    /// Normalisation over groups of channels with all that comes after.
    pub(super) fn group_norm(
        &mut self,
        x: &Value,
        affine: [Option<&Value>; 2],
        groups: usize,
        epsilon: f64,
    ) -> Built<Value> {
        let (rank, channels) = (x.shape.len(), x.shape.get(1).copied().unwrap_or(0));
        if groups == 0 || channels == 0 || !channels.is_multiple_of(groups) {
            return Err(format!("{groups} groups of the channels of {:?}", x.shape));
        }
        let mut shape = x.shape.clone();
        shape[1] = groups;
        shape.insert(2, channels / groups);
        let apart = self.reshape(x, &shape)?;
        let over: Vec<usize> = (2..=rank).collect();
        let y = self.normalised(&apart, &over, epsilon, true)?;
        let y = self.reshape(&y, &x.shape)?;
        self.scaled_and_shifted(y, affine, &self::channel_shape(channels, rank))
    }

    /// Batch normalisation of the channels, by the running statistics or by those of the batch.
    pub(super) fn batch_norm(
        &mut self,
        x: &Value,
        statistics: [&Value; 2],
        affine: [Option<&Value>; 2],
        epsilon: f64,
        training: bool,
    ) -> Built<Value> {
        let (rank, channels) = (x.shape.len(), x.shape.get(1).copied().unwrap_or(0));
        if channels == 0 || statistics.iter().any(|s| s.size() != channels) {
            return Err(format!("the statistics of {:?} for a tensor of shape {:?}", statistics[0].shape, x.shape));
        }
        let places = affine.map(|tensor| tensor.map(|tensor| self.parameter(tensor)));
        let affine_places = match &places {
            [None, None] => Some(None),
            [Some(Some(weight)), Some(Some(bias))] => Some(Some([weight.clone(), bias.clone()])),
            _ => None,
        };
        let name = self.buffers_of_batch_norm(statistics);
        if let (Some(places), Some(name), false) = (affine_places, name, self.nodes[x.node].shared) {
            let fits = places.iter().flatten().all(|range| range.len() == channels);
            if !fits {
                return Err(format!("weight and bias have not {channels} numbers"));
            }
            let fixed = Statistics::Fixed { mean: vec![], variance: vec![] };
            let statistics = if training { Statistics::Batch } else { fixed };
            let layer = BatchNorm { name, channels, affine: places, epsilon, statistics };
            let mut order: Vec<usize> = x.order.iter().copied().filter(|&axis| axis != 1).collect();
            order.push(1);
            let x = self.ordered(x, &order);
            let x = self.in_rows(&x, channels);
            let step = Step::Layer(Box::new(Layer::BatchNorm(layer)));
            let node = self.push(step, vec![x.node], x.size(), channels);
            return Ok(Value { node, ..x });
        }
        if training {
            return Err("the statistics of the batch need weight and bias that are parameters, and buffers that are \
                        named running_mean and running_var"
                .to_owned());
        }
        let inverse = self.elementwise(statistics[1], Function::InverseSqrt { epsilon });
        let minus = self.negate(statistics[0]);
        let shape = channel_shape(channels, rank);
        let (minus, inverse) = (self.reshape(&minus, &shape)?, self.reshape(&inverse, &shape)?);
        let y = self.add(x, &minus)?;
        let y = self.multiply(&y, &inverse)?;
        self.scaled_and_shifted(y, affine, &shape)
    }

    /// The name before `.running_mean` and `.running_var` if both statistics are buffers of such names.
    fn buffers_of_batch_norm(&self, [mean, variance]: [&Value; 2]) -> Option<String> {
        let name = |value: &Value, end: &str| match &self.nodes[value.node].step {
            Step::Buffer { name, .. } => name.strip_suffix(end).map(str::to_owned),
            _ => None,
        };
        let own = name(mean, ".running_mean")?;
        (name(variance, ".running_var").as_ref() == Some(&own)).then_some(own)
    }
}

/// The shape by which one number for each channel is broadcast.
pub(super) fn channel_shape(channels: usize, rank: usize) -> Vec<usize> {
    let mut shape = vec![1; rank];
    if let Some(own) = shape.get_mut(1) {
        *own = channels;
    }
    shape
}
