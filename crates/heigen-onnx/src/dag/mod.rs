//! From nodes of the file to a graph of operations for one sample.
//!
//! Constants are folded; what depends on samples or parameters becomes operations. The shapes that are followed are those of
//! the file, for its whole batch, because the file computes and states sizes for that; the samples' place in each tensor is
//! followed, too, and divided out of what is written. A file that leaves the size of its batch open is read for a batch of a
//! prime number of samples that divides none of its sizes.

mod arrange;
mod attention;
mod broadcast;
mod classic;
mod entrywise;
mod head;
mod indexed;
mod layers;
mod normalize;
mod operators;
mod parameters;
mod product;
mod reduce;
mod resize;
mod value;
mod window;
mod write;

pub(crate) use operators::SUPPORTED;

use crate::error::{OnnxError, quote};
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::input_and_logits::Input;
use crate::provenance::Provenance;
use crate::shapes::{Given, count};
use crate::tensor::{Budget, Element, Tensor};
use crate::walk::MOST_NUMBERS;
use crate::{Imported, fold, strided};
use heigen::vocabulary::{GraphSpec, Op};
use parameters::Parameters;
use std::collections::{HashMap, HashSet};
use value::{Made, Place, Value, of_one};
use write::Writer;

/// The state of the reading.
struct Reader<'g> {
    graph: &'g Graph,
    budget: Budget,
    /// The number of samples that the file's sizes are for.
    batch: usize,
    parameters: Parameters,
    writer: Writer,
    /// The state of every value so far; an error is that of the node that should make the value.
    values: HashMap<ValueId, Result<Value, OnnxError>>,
    /// Constants that have been written.
    written: HashMap<ValueId, Made>,
    /// How tensors that do not depend on samples were made, as far as they repeat others.
    recipes: HashMap<String, Recipe>,
    /// Parameters of linear layers that the exporter had turned.
    turned: HashSet<String>,
    /// The nodes that use a parameter as the factor or summand of a layer.
    owners: HashMap<ValueId, NodeId>,
    provenance: Provenance,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// How a tensor was made.
#[derive(Clone, Debug)]
enum Recipe {
    Expand(Made),
    Gather { table: Made, indices: Tensor, axis: usize },
    Entrywise(Op, Vec<Value>),
}

/// Reads the graph whose input is `input` and whose nodes, each after those that it takes from, are `order`.
pub(crate) fn read(
    graph: &Graph,
    input: &Input,
    candidates: &[ValueId],
    order: &[NodeId],
    budget: Budget,
) -> Result<Imported, OnnxError> {
    let batch = input.batch.unwrap_or_else(|| open_batch(graph, &input.sample));
    let parameters = Parameters::of(graph, order, input.value);
    let mut reader = Reader {
        graph,
        budget,
        batch,
        parameters,
        writer: Writer::default(),
        values: HashMap::new(),
        written: HashMap::new(),
        recipes: HashMap::new(),
        turned: HashSet::new(),
        owners: HashMap::new(),
        provenance: Provenance::default(),
        notes: vec![],
        warnings: vec![],
    };
    let mut shape = vec![batch];
    shape.extend(&input.sample);
    let place = (batch > 1).then_some(Place::axis(0));
    let made = Made { name: GraphSpec::INPUT.to_owned(), shape, place, element: input.element };
    reader.values.insert(input.value, Ok(Value::Made(made)));
    for &id in order {
        reader.visit(&graph.nodes[id]);
    }
    head::finish(reader, input, candidates)
}

/// A number of samples that divides no size of the file, so that it can be told from them.
fn open_batch(graph: &Graph, sample: &[usize]) -> usize {
    const PRIMES: [usize; 12] = [11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];
    let sizes = graph.initializers.values().flat_map(|tensor| tensor.dims.iter().copied());
    let stated = graph.nodes.iter().flat_map(|node| node.attributes.all_integers());
    let all: Vec<i64> = sizes.chain(stated).chain(sample.iter().map(|&n| n as i64)).collect();
    let fits = |prime: &&usize| all.iter().all(|&n| n == 0 || n % **prime as i64 != 0);
    *PRIMES.iter().find(fits).unwrap_or(&59)
}

/// The refusal of an operation over the axis of the samples.
fn mixes(node: &Node) -> OnnxError {
    node.error(
        "it mixes the samples of a batch with each other; heigen analyses networks that treat every sample alone: export \
         the model for a batch of one sample, or with an open batch and in evaluation mode",
    )
}

impl<'g> Reader<'g> {
    fn visit(&mut self, node: &'g Node) {
        let made = self.outputs(node);
        match made {
            Ok(values) => {
                for (i, id) in node.outputs.iter().enumerate() {
                    let Some(id) = *id else { continue };
                    let value = values
                        .get(i)
                        .cloned()
                        .ok_or_else(|| node.error(format!("its output {} is used, which heigen does not read", i + 1)));
                    self.values.insert(id, value);
                }
            }
            Err(error) => {
                for &id in node.outputs.iter().flatten() {
                    self.values.insert(id, Err(error.clone()));
                }
            }
        }
    }

    fn outputs(&mut self, node: &'g Node) -> Result<Vec<Value>, OnnxError> {
        if node.operator == "If" {
            return self.branch(node);
        }
        let given = self.given(node)?;
        let all = node.inputs.iter().zip(&given.inputs).all(|(id, constant)| id.is_none() || constant.is_some());
        if all && let Some(mut values) = fold::evaluate(&given, &mut self.budget)? {
            values.iter_mut().for_each(Tensor::exact);
            return Ok(values.into_iter().map(Value::Constant).collect());
        }
        operators::evaluate(self, &given)
    }

    /// The outputs of the branch of an `If` that its condition, a constant, chooses.
    fn branch(&mut self, node: &'g Node) -> Result<Vec<Value>, OnnxError> {
        let condition = node.input(0).map(|id| self.value(id)).transpose()?;
        let Some(Value::Constant(condition)) = condition else {
            return Err(node.error("its condition depends on the samples or on parameters; expected a constant"));
        };
        let count = node.outputs.len();
        let skipped = if condition.values.iter().any(|&v| v != 0.0) { 0 } else { count };
        (0..count)
            .map(|i| {
                let id = node.input(1 + skipped + i).ok_or_else(|| node.error("a branch lacks an output"))?;
                self.value(id)
            })
            .collect()
    }

    /// A node with those of its inputs that are constants. An input that could not be read is an error.
    fn given(&mut self, node: &'g Node) -> Result<Given<'g>, OnnxError> {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for id in &node.inputs {
            inputs.push(match id.map(|id| self.value(id)).transpose()? {
                Some(Value::Constant(tensor)) => Some(tensor),
                _ => None,
            });
        }
        Ok(Given { node, version: self.graph.version, inputs })
    }

    fn value(&mut self, id: ValueId) -> Result<Value, OnnxError> {
        if let Some(value) = self.values.get(&id) {
            return value.clone();
        }
        let name = &self.graph.values[id];
        let proto = self.graph.initializers.get(&id).ok_or_else(|| OnnxError::Tensor {
            name: quote(name),
            problem: "nothing that is read makes it".to_owned(),
        })?;
        let mut tensor = Tensor::decode(proto, name, &mut self.budget)?;
        let value = if self.parameters.contains(id) {
            let turned = self.parameters.is_turned(id);
            if turned && let [rows, columns] = tensor.shape[..] {
                let values = strided::read(&tensor.values, &[columns, rows], &[1, columns as isize], 0);
                tensor = Tensor { shape: vec![columns, rows], values: values.into(), ..tensor };
            }
            let (shape, element) = (tensor.shape.clone(), tensor.element);
            let name = self.writer.parameter(self.graph, &self.parameters, id, &tensor)?;
            if turned {
                self.turned.insert(name.clone());
            }
            Value::Made(Made { name, shape, place: None, element })
        } else {
            if tensor.is_scalar() {
                tensor.exact();
            }
            Value::Constant(tensor)
        };
        self.values.insert(id, Ok(value.clone()));
        Ok(value)
    }

    /// Input `i` of a node.
    fn input(&mut self, node: &Node, i: usize) -> Result<Value, OnnxError> {
        let id = node.input(i).ok_or_else(|| node.error(format!("it has no input {i}")))?;
        self.value(id)
    }

    /// Input `i` of a node as a tensor of the graph, if the node has it.
    fn optional(&mut self, node: &Node, i: usize) -> Result<Option<Made>, OnnxError> {
        let Some(id) = node.input(i) else { return Ok(None) };
        match self.value(id)? {
            Value::Made(made) => Ok(Some(made)),
            Value::Constant(tensor) => {
                if let Some(made) = self.written.get(&id) {
                    return Ok(Some(made.clone()));
                }
                let made = self.constant(&tensor, &self.graph.values[id].clone(), node)?;
                self.written.insert(id, made.clone());
                Ok(Some(made))
            }
        }
    }

    /// Input `i` of a node as a tensor of the graph.
    fn tensor(&mut self, node: &Node, i: usize) -> Result<Made, OnnxError> {
        self.optional(node, i)?.ok_or_else(|| node.error(format!("it has no input {i}")))
    }

    /// Writes a constant into the graph.
    fn constant(&mut self, tensor: &Tensor, name: &str, node: &Node) -> Result<Made, OnnxError> {
        if tensor.values.is_empty() {
            return Err(node.error("it computes with an empty tensor"));
        }
        let name = self.writer.constant(tensor, name);
        Ok(Made { name, shape: tensor.shape.clone(), place: None, element: tensor.element })
    }

    /// A constant of one number.
    fn scalar(&mut self, number: f64) -> Made {
        let name = self.writer.node("constant", Op::Constant { shape: vec![], values: vec![number] }, vec![]);
        Made { name, shape: vec![], place: None, element: Element::Float }
    }

    /// The shape of one sample of a tensor.
    fn shape_of_one(&self, shape: &[usize], place: Option<Place>) -> Vec<usize> {
        of_one(shape, place, self.batch)
    }

    /// A shape as messages show it, with N for the samples.
    fn shown(&self, shape: &[usize], place: Option<Place>) -> String {
        let size = |(axis, &size): (usize, &usize)| match place.filter(|place| place.axis == axis) {
            Some(_) if size == self.batch => "N".to_owned(),
            Some(_) => format!("{} N", size / self.batch),
            None => size.to_string(),
        };
        format!("[{}]", shape.iter().enumerate().map(size).collect::<Vec<_>>().join(", "))
    }

    fn shown_made(&self, made: &Made) -> String {
        self.shown(&made.shape, made.place)
    }

    /// Writes an operation on tensors of the graph, which makes one of `shape`.
    fn push(
        &mut self,
        node: &Node,
        op: Op,
        inputs: &[&Made],
        shape: Vec<usize>,
        place: Option<Place>,
    ) -> Result<Made, OnnxError> {
        let size = count(&self.shape_of_one(&shape, place)).filter(|&n| n <= MOST_NUMBERS);
        match size {
            None => {
                return Err(
                    node.error(format!("it makes a tensor of {}, which is too large", self.shown(&shape, place)))
                );
            }
            Some(0) => {
                return Err(node.error(format!("it makes an empty tensor, of the shape {}", self.shown(&shape, place))));
            }
            Some(_) => {}
        }
        let id = node.outputs.iter().flatten().next().map_or("", |&id| self.graph.values[id].as_str());
        let inputs = inputs.iter().map(|made| made.name.clone()).collect();
        let name = self.writer.node(id, op, inputs);
        Ok(Made { name, shape, place, element: Element::Float })
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn warn(&mut self, warning: String) {
        const MOST: usize = 20;
        if !self.warnings.contains(&warning) && self.warnings.len() < MOST {
            self.warnings.push(warning);
        }
    }
}
