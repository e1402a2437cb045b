//! The walk from the input to the output: node by node, it turns what is known of the inputs into what is known of the
//! output.

use crate::error::{OnnxError, quote};
use crate::expression::Inner;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::operators;
use crate::step::{Form, Kind, Normalization, StepId, Steps};
use crate::tensor::{Budget, Tensor};
use crate::value::{Axes, Data, Pending, Size, Value, shown};
use heigen::vocabulary::{Approximate, LayerSpec};
use std::collections::HashMap;

/// Most numbers that a layer may make of one sample.
pub(crate) const MOST_NUMBERS: usize = 1 << 33;

/// The state of the walk: everything that is known of the nodes visited so far.
#[derive(Debug)]
pub(crate) struct Walk<'g> {
    pub(crate) graph: &'g Graph,
    pub(crate) steps: Steps,
    pub(crate) budget: Budget,
    /// The number of samples, if the file fixes it.
    pub(crate) batch: Option<usize>,
    pub(crate) notes: Vec<String>,
    values: HashMap<ValueId, Value>,
}

impl<'g> Walk<'g> {
    pub(crate) fn new(
        graph: &'g Graph,
        input: ValueId,
        form: Form,
        axes: Axes,
        batch: Option<usize>,
        budget: Budget,
    ) -> Self {
        let values = HashMap::from([(input, Value::Data(Data::finished(crate::step::ROOT, axes)))]);
        Self { graph, steps: Steps::new(form), budget, batch, notes: vec![], values }
    }

    /// Finds the values that `nodes`, each after those that it takes from, make.
    pub(crate) fn run(&mut self, nodes: &[NodeId]) -> Result<(), OnnxError> {
        let graph = self.graph;
        for &id in nodes {
            let node = &graph.nodes[id];
            let value = operators::evaluate(self, id, node)?;
            if let Some(output) = node.outputs.first().copied().flatten() {
                self.values.insert(output, value);
            }
        }
        Ok(())
    }

    /// The value `id`, which some node before made.
    pub(crate) fn value(&mut self, id: ValueId) -> Result<Value, OnnxError> {
        if let Some(value) = self.values.get(&id) {
            return Ok(value.clone());
        }
        let name = &self.graph.values[id];
        let problem = "it is not the first output of its node; only first outputs are read".to_owned();
        let missing = || OnnxError::Tensor { name: quote(name), problem };
        let proto = self.graph.initializers.get(&id).ok_or_else(missing)?;
        let value = Value::Constant(Tensor::decode(proto, name, &mut self.budget)?, Some(id));
        self.values.insert(id, value.clone());
        Ok(value)
    }

    /// Input `i` of `node`.
    pub(crate) fn input(&mut self, node: &Node, i: usize) -> Result<Value, OnnxError> {
        let Some(id) = node.input(i) else {
            return Err(node.error(format!("it has no input {i}")));
        };
        self.value(id)
    }

    /// Input `i` of `node`, if it is there; it must be a constant.
    pub(crate) fn constant(
        &mut self,
        node: &Node,
        i: usize,
        what: &str,
    ) -> Result<Option<(Tensor, Option<ValueId>)>, OnnxError> {
        match node.input(i).map(|id| self.value(id)).transpose()? {
            None => Ok(None),
            Some(Value::Constant(tensor, origin)) => Ok(Some((tensor, origin))),
            Some(_) => Err(node.error(format!("its {what} depends on the samples; expected a constant"))),
        }
    }

    /// Input `i` of `node` as samples with nothing pending: scalings become part of the layer before.
    pub(crate) fn data(&mut self, node: &Node, i: usize) -> Result<Data, OnnxError> {
        let data = self.raw_data(node, i)?;
        let finished = self.finish(&data, node)?;
        self.keep(node, i, &finished);
        Ok(finished)
    }

    /// Input `i` of `node` as samples.
    pub(crate) fn raw_data(&mut self, node: &Node, i: usize) -> Result<Data, OnnxError> {
        match self.input(node, i)? {
            Value::Data(data) => Ok(data),
            _ => Err(node.error(format!("its input {i} does not depend on the samples; expected that it does"))),
        }
    }

    /// Remembers `data` as input `i` of `node`, so that other nodes that take the same value find the same steps.
    pub(crate) fn keep(&mut self, node: &Node, i: usize, data: &Data) {
        if let Some(id) = node.input(i) {
            self.values.insert(id, Value::Data(data.clone()));
        }
    }

    /// Input `i` as samples; a scaling may be pending if `scaled` and there is no layer before to make it part of.
    fn maybe_scaled(&mut self, node: &Node, i: usize, scaled: bool) -> Result<Data, OnnxError> {
        let data = self.raw_data(node, i)?;
        let after_affine = matches!(self.steps.get(data.step).kind, Kind::Affine(_));
        if scaled && !after_affine && data.scaling().is_some() { Ok(data) } else { self.data(node, i) }
    }

    /// `data` without pending arithmetic, because `node` cannot take any.
    pub(crate) fn finish(&mut self, data: &Data, node: &Node) -> Result<Data, OnnxError> {
        let scaling = data.scaling();
        if scaling.as_ref().is_some_and(crate::affine::Scaling::is_identity) {
            return Ok(Data::finished(data.step, data.axes.clone()));
        }
        let by = data.by.map_or(node, |id| &self.graph.nodes[id]);
        let step = self.steps.get(data.step).clone();
        if let (Some(scaling), Kind::Affine(layer)) = (&scaling, &step.kind) {
            let layer = layer.then(scaling, &mut self.budget, &by.label)?;
            if !scaling.scales_nothing() {
                let of = step.node.map_or("", |id| self.graph.nodes[id].label.as_str());
                self.note(format!("The scaling by {} is now part of the layer of {of}.", by.label));
            }
            let step = self.steps.push(step.parent, Kind::Affine(layer), step.form, step.node);
            return Ok(Data::finished(step, data.axes.clone()));
        }
        Err(by.error(if scaling.is_some() {
            "it scales or shifts what no linear layer or convolution without padding comes right before or after; no \
             layer expresses it"
        } else {
            "it is part of arithmetic that no layer expresses; expected a GELU, or a scaling beside a linear layer"
        }))
    }

    /// Input `i` of `node` as features; an image is flattened. A scaling may be pending if `scaled`.
    pub(crate) fn features(&mut self, node: &Node, i: usize, scaled: bool) -> Result<Data, OnnxError> {
        let mut data = self.maybe_scaled(node, i, scaled)?;
        let [n] = data.axes.sample().unwrap_or_default()[..] else {
            return Err(wrong_shape(node, &data, "features [N, d]"));
        };
        if let Form::Image([_, h, w]) = self.steps.get(data.step).form {
            if let Some(scaling) = data.scaling() {
                self.budget.spend(2 * n, || node.label.clone())?;
                data.pending = Pending::Scaling(scaling.of_pixels(h * w));
            }
            let made_by = self.steps.get(data.step).node;
            data.step = self.steps.push(data.step, Kind::Layer(LayerSpec::Flatten), Form::Features(n), made_by);
            self.keep(node, i, &data);
        }
        Ok(data)
    }

    /// Input `i` of `node` as images; the input's features are made into some. A scaling may be pending if `scaled`.
    pub(crate) fn images(&mut self, node: &Node, i: usize, scaled: bool) -> Result<(Data, [usize; 3]), OnnxError> {
        let mut data = self.maybe_scaled(node, i, scaled)?;
        let Ok(shape) = <[usize; 3]>::try_from(data.axes.sample().unwrap_or_default()) else {
            return Err(wrong_shape(node, &data, "images [N, channels, rows, columns]"));
        };
        let form = self.steps.get(data.step).form;
        if form != Form::Image(shape) {
            let by_channel = matches!(&data.pending, Pending::Scaling(_));
            if data.step != crate::step::ROOT || by_channel {
                let problem = format!("it gets {form}, reshaped into {}; only samples can be", Form::Image(shape));
                return Err(node.error(problem));
            }
            data.step = self.steps.push(data.step, Kind::Unflatten, Form::Image(shape), Some(node.id));
            self.keep(node, i, &data);
        }
        Ok((data, shape))
    }

    /// `data` after a layer without parameters that leaves its form.
    pub(crate) fn elementwise(&mut self, data: &Data, layer: LayerSpec, id: NodeId) -> Value {
        let form = self.steps.get(data.step).form;
        let step = self.steps.push(data.step, Kind::Layer(layer), form, Some(id));
        Value::Data(Data::finished(step, data.axes.clone()))
    }

    /// `data` after `kind`, which makes `form`.
    pub(crate) fn layer(&mut self, data: &Data, kind: Kind, form: Form, id: NodeId) -> Value {
        let step: StepId = self.steps.push(data.step, kind, form, Some(id));
        Value::Data(Data::finished(step, axes_of(form)))
    }

    /// `data` after batch normalisation.
    pub(crate) fn normalized(&mut self, data: &Data, normalization: Normalization, id: NodeId) -> Value {
        let form = self.steps.get(data.step).form;
        self.layer(data, Kind::Normalization(normalization), form, id)
    }

    /// `data` with its pending arithmetic as a GELU, if it is one by now.
    pub(crate) fn recognised(&mut self, data: Data, id: NodeId) -> Value {
        let Pending::Expression(expression) = &data.pending else {
            return Value::Data(data);
        };
        let approximate = match expression.as_gelu() {
            None => return Value::Data(data),
            Some(Inner::Erf) => Approximate::None,
            Some(Inner::Tanh) => Approximate::Tanh,
        };
        self.elementwise(&data, LayerSpec::Gelu { approximate }, id)
    }

    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Says that `data` has another shape than `node` takes.
pub(crate) fn wrong_shape(node: &Node, data: &Data, wanted: &str) -> OnnxError {
    let moved = data.axes.sample().is_none() && data.axes.sizes().first() == Some(&Size::Batch);
    let hint = if moved { ", in the order in which the layer before makes them (its axes are transposed)" } else { "" };
    node.error(format!("it gets {}; expected {wanted}{hint}", shown(&data.axes.sizes())))
}

/// The tensor that a step of this form makes.
pub(crate) fn axes_of(form: Form) -> Axes {
    match form {
        Form::Features(n) => Axes::of_samples(&[n]),
        Form::Image(shape) => Axes::of_samples(&shape),
    }
}
