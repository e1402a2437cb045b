//! Writes an experiment as the JSON of an experiment file, with every default written out.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Experiment, MultiStepLr, OptimizerSpec, Start};

impl Experiment {
    /// The experiment as a file would hold it, with every default written out and the start resolved.
    ///
    /// Parsing it under the same name gives an equal experiment. Keys stand in the order of the schema, so equal
    /// experiments give equal text.
    pub fn to_json(&self) -> Value {
        let (init_model_at, large_norm) = match &self.start {
            Start::Fresh => (String::new(), false),
            Start::Trained(name) => (name.to_string(), false),
            Start::LargeNorm(name) => (name.to_string(), true),
        };
        let entries = [
            ("model", plain(&self.model)),
            ("optimizer", optimizer(&self.optimizer)),
            ("scheduler", self.scheduler.as_ref().map_or(Value::Bool(false), scheduler)),
            ("dataset", plain(&self.dataset)),
            ("loss", loss(self)),
            ("init_model_at", init_model_at.into()),
            ("large_norm", large_norm.into()),
            ("train_fraction", self.train_fraction.into()),
            ("test_fraction", self.test_fraction.into()),
            ("trainer", plain(&self.trainer)),
            ("early_stopping", self.early_stopping.into()),
            ("seed", self.seed.into()),
        ];
        Value::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    }
}

/// The update rule; Nesterov's momentum is a switch of SGD, as PyTorch has it.
fn optimizer(rule: &OptimizerSpec) -> Value {
    let mut value = plain(rule);
    if let (OptimizerSpec::Nesterov { .. }, Some(args)) = (rule, value["args"].as_object_mut()) {
        args.insert("nesterov".to_owned(), true.into());
    }
    value
}

/// The name of the loss, with its options where there are any.
fn loss(experiment: &Experiment) -> Value {
    let name = plain(&experiment.loss);
    if experiment.loss_args.is_empty() {
        return name;
    }
    let entries = [("type".to_owned(), name), ("args".to_owned(), plain(&experiment.loss_args))];
    Value::Object(Map::from_iter(entries))
}

fn scheduler(steps: &MultiStepLr) -> Value {
    let entries = [("type".to_owned(), "MultiStepLR".into()), ("args".to_owned(), plain(steps))];
    Value::Object(Map::from_iter(entries))
}

/// The JSON of a part. The parts are enums and structs with string keys, whose serialization cannot fail.
fn plain(part: &impl Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}
