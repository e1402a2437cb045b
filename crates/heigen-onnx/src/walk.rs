//! The walk from the input to the output: node by node, it turns what is known of the inputs into what is known of the
//! output.

use crate::affine::Scaling;
use crate::error::{OnnxError, quote};
use crate::expression::Inner;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::hints::{Role, names_batch_norm};
use crate::input_and_logits::Input;
use crate::operators;
use crate::step::{Form, Kind, Normalization, ROOT, Step, StepId, Steps};
use crate::tensor::{Budget, Tensor};
use crate::value::{Axes, Data, Held, Size, Value, shown};
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
    /// Remarks on what may be wrong with the numbers.
    pub(crate) warnings: Vec<String>,
    values: HashMap<ValueId, Value>,
}

impl<'g> Walk<'g> {
    pub(crate) fn new(graph: &'g Graph, input: &Input, budget: Budget) -> Self {
        let values = HashMap::from([(input.value, Value::Data(Data::finished(ROOT, input.axes.clone())))]);
        let (steps, batch) = (Steps::new(input.form), input.batch);
        Self { graph, steps, budget, batch, notes: vec![], warnings: vec![], values }
    }

    /// Finds the values that `nodes`, each after those that it takes from, make.
    pub(crate) fn run(&mut self, nodes: &[NodeId]) -> Result<(), OnnxError> {
        let graph = self.graph;
        for &id in nodes {
            let node = &graph.nodes[id];
            let value = operators::evaluate(self, id, node)?;
            if let Some(output) = node.outputs.get(operators::place_of_output(node)).copied().flatten() {
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
        let problem = "it is an output of its node that is not read; only first outputs are".to_owned();
        let missing = || OnnxError::Tensor { name: quote(name), problem };
        let proto = self.graph.initializers.get(&id).ok_or_else(missing)?;
        let tensor = Tensor::decode(proto, name, &mut self.budget)?;
        if tensor.values.is_empty() {
            return Err(OnnxError::Tensor { name: quote(name), problem: "it is empty".to_owned() });
        }
        let value = Value::Constant(tensor, Some(id));
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

    /// Input `i` of `node` as samples with nothing pending.
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

    /// `data` without pending arithmetic, because `node` cannot take any: a scaling becomes a step of its own.
    pub(crate) fn finish(&mut self, data: &Data, node: &Node) -> Result<Data, OnnxError> {
        if data.is_finished() {
            return Ok(Data::finished(data.step, data.axes.clone()));
        }
        let by = data.by.unwrap_or(node.id);
        let Some((scale, shift)) = data.pending.as_scaling() else {
            let by = self.graph.nodes.get(by).unwrap_or(node);
            return Err(by.error("it is part of arithmetic that no layer expresses; expected a GELU, or a scaling"));
        };
        self.scaled(data, &Scaling { scale: vec![scale], shift: vec![shift] }, by, &data.held)
    }

    /// `data` after a scaling that node `id` computes with the constants `held`, which are no parameters.
    pub(crate) fn scaled(
        &mut self,
        data: &Data,
        scaling: &Scaling,
        id: NodeId,
        held: &[Held],
    ) -> Result<Data, OnnxError> {
        let finished = Data::finished(data.step, data.axes.clone());
        if scaling.is_identity() {
            return Ok(finished);
        }
        let label = self.graph.nodes.get(id).map_or("the graph", |node| node.label.as_str()).to_owned();
        self.check_held(held, data.step)?;
        self.note(format!("The scaling by {label} stays an operation without parameters."));
        let step = self.steps.get(data.step);
        let (form, node) = (step.form, Some(id));
        let before = if let Kind::Layer(layer) = &step.kind { Scaling::of(layer) } else { None };
        let (parent, scaling) = match before {
            Some(before) => (step.parent, before.then(scaling)),
            None => (data.step, scaling.clone()),
        };
        self.budget.spend(scaling.len(), || label)?;
        let layer = LayerSpec::Scale { scale: scaling.scale, shift: scaling.shift };
        let step = self.steps.push(parent, Kind::Layer(layer), form, node);
        Ok(Data { step, ..finished })
    }

    /// Refuses to hold parameters fixed, and warns of constants that may be some.
    fn check_held(&mut self, held: &[Held], step: StepId) -> Result<(), OnnxError> {
        let graph = self.graph;
        for &(by, origin) in held {
            let (node, name) = (&graph.nodes[by], origin.map_or("", |id| graph.values[id].as_str()));
            let shown = quote(name);
            let scalar =
                origin.is_none_or(|id| matches!(self.values.get(&id), Some(Value::Constant(c, _)) if c.is_scalar()));
            match graph.role(origin) {
                Role::Parameter => {
                    return Err(node.error(format!(
                        "it scales or shifts by {shown}, a parameter of the model; heigen has no such layer with parameters \
                         yet: analyse a model without it, or make it a buffer, which is held fixed"
                    )));
                }
                Role::Unknown if names_batch_norm(name) => self.warn(format!(
                    "batch normalisation was written out as arithmetic with {shown}; its parameters are not among those of \
                     the Hessian: analyse the weights (.pt, .npz, .safetensors) with an architecture"
                )),
                // PyTorch's modules have constants of their own as attributes, which bear no such names, or as buffers, of which
                // newer exporters tell: a factor for every channel was probably trained.
                Role::Unknown if graph.is_torch() && !scalar && !self.is_at_input(step) => {
                    return Err(node.error(format!(
                        "it scales or shifts by {shown}, and the file does not tell whether the model was trained with it; \
                         heigen has no such layer with parameters yet: analyse a model without it, or if it is a constant, \
                         register it as a buffer and export the model by torch.onnx.export(..., dynamo=True), whose files tell"
                    )));
                }
                // Scalings of the samples are their preparation.
                Role::Unknown if !self.is_at_input(step) => self.warn(format!(
                    "{shown}, by which {} scales or shifts, is held fixed; if the model was trained with it as a parameter, the \
                     Hessian lacks its rows and columns",
                    node.label
                )),
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether nothing but scalings and changes of shape comes before the result of `step`.
    fn is_at_input(&self, mut step: StepId) -> bool {
        loop {
            let Step { parent, kind, .. } = self.steps.get(step);
            match kind {
                Kind::Root => return true,
                Kind::Unflatten { .. } | Kind::Layer(LayerSpec::Scale { .. } | LayerSpec::Flatten) => step = *parent,
                _ => return false,
            }
        }
    }

    /// Input `i` of `node` as features; an image is flattened.
    pub(crate) fn features(&mut self, node: &Node, i: usize) -> Result<Data, OnnxError> {
        let mut data = self.data(node, i)?;
        let [n] = data.axes.sample().unwrap_or_default()[..] else {
            return Err(wrong_shape(node, &data, "features [N, d]"));
        };
        if let Form::Image(_) = self.steps.get(data.step).form {
            let made_by = self.steps.get(data.step).node;
            data.step = self.steps.push(data.step, Kind::Layer(LayerSpec::Flatten), Form::Features(n), made_by);
            self.keep(node, i, &data);
        }
        Ok(data)
    }

    /// Input `i` of `node` as images; the input's features are made into some.
    pub(crate) fn images(&mut self, node: &Node, i: usize) -> Result<(Data, [usize; 3]), OnnxError> {
        self.samples_as_images(node, i)?;
        let data = self.data(node, i)?;
        let Ok(shape) = <[usize; 3]>::try_from(data.axes.sample().unwrap_or_default()) else {
            return Err(wrong_shape(node, &data, "images [N, channels, rows, columns]"));
        };
        let form = self.steps.get(data.step).form;
        if form != Form::Image(shape) {
            let problem = format!("it gets {form}, reshaped into {}; only samples can be", Form::Image(shape));
            return Err(node.error(problem));
        }
        Ok((data, shape))
    }

    /// Makes the samples images, if they are input `i` of `node` and look like some there. A function of every number that is
    /// still to be done with them does not mind.
    fn samples_as_images(&mut self, node: &Node, i: usize) -> Result<(), OnnxError> {
        let mut data = self.raw_data(node, i)?;
        if data.step != ROOT {
            return Ok(());
        }
        let last = data.axes.of_channels_last();
        let shape = last.or_else(|| <[usize; 3]>::try_from(data.axes.sample()?).ok());
        if let Some(shape) = shape.filter(|&shape| last.is_some() || self.steps.get(ROOT).form != Form::Image(shape)) {
            let kind = Kind::Unflatten { channels_last: last.is_some() };
            data.step = self.steps.push(ROOT, kind, Form::Image(shape), Some(node.id));
            data.axes = Axes::of_samples(&shape);
            self.keep(node, i, &data);
        }
        Ok(())
    }

    /// Input `i` of `node`, which is samples of the shape [rows, columns, channels], as images whose channels come last. Their
    /// axes stay in the order in which the node sees them.
    pub(crate) fn channels_last(&mut self, node: &Node, i: usize) -> Result<Data, OnnxError> {
        let mut data = self.raw_data(node, i)?;
        if let (ROOT, Some([h, w, c])) = (data.step, data.axes.sample().and_then(|s| <[usize; 3]>::try_from(s).ok())) {
            let kind = Kind::Unflatten { channels_last: true };
            data.step = self.steps.push(ROOT, kind, Form::Image([c, h, w]), Some(node.id));
            data.axes = Axes::of_samples(&[c, h, w]).transposed(&[0, 2, 3, 1]);
            self.keep(node, i, &data);
        }
        self.data(node, i)
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
        let approximate = match data.pending.as_gelu() {
            None => return Value::Data(data),
            Some(Inner::Erf) => Approximate::None,
            Some(Inner::Tanh) => Approximate::Tanh,
        };
        self.elementwise(&data, LayerSpec::Gelu { approximate }, id)
    }

    pub(crate) fn warn(&mut self, warning: String) {
        const MOST: usize = 20;
        if !self.warnings.contains(&warning) && self.warnings.len() < MOST {
            self.warnings.push(warning);
        }
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
    if data.axes.sample().is_some_and(|sample| sample.len() == 2) && wanted.starts_with("features") {
        return node.error(format!(
            "it gets {}, which are sequences; heigen does not have layers on sequences and attention yet: analyse a network \
             of features [N, d] or images [N, channels, rows, columns]",
            shown(&data.axes.sizes())
        ));
    }
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
