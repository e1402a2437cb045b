//! The `model` object: a network of the paper with its arguments, or any network layer by layer.

use serde_json::Value;

use super::fields::Fields;
use super::parse_layers::{self, SEQUENTIAL};
use super::{Activation, ConfigError, Initialization, ModelSpec, json};

/// The largest width of a layer that is accepted.
pub(super) const MAX_NEURONS: u64 = 1_000_000;
/// The largest number of weights between two hidden layers that is accepted.
const MAX_WEIGHTS: usize = 1_000_000_000;

impl ModelSpec {
    /// Whether the outputs may be log-probabilities ([`crate::vocabulary::Sequential::may_give_log_probabilities`]).
    pub fn may_give_log_probabilities(&self) -> bool {
        match self {
            Self::Fnn2Layer { lsoftmax, .. } => *lsoftmax,
            Self::Sequential(sequential) => sequential.may_give_log_probabilities(),
            Self::Fnn { .. } | Self::Cnn {} | Self::LeNet5 {} | Self::ResNet18 { .. } => false,
        }
    }
}

#[derive(Clone, Copy)]
enum ModelType {
    Fnn,
    Fnn2Layer,
    Cnn,
    LeNet5,
    ResNet18,
    Sequential,
}

impl ModelSpec {
    /// Checks the text of an architecture file: an object as in `model` of an experiment, or only the `args` of a
    /// `Sequential` model.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake found.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        let value = json::read(text, origin)?;
        if value.get("type").is_none() {
            return Ok(Self::Sequential(parse_layers::sequential(&Fields::top(&value, origin, &SEQUENTIAL)?)?));
        }
        let wrapped = Value::Object([("model".to_owned(), value)].into_iter().collect());
        model(&Fields::top(&wrapped, origin, &["model"])?)
    }
}

/// Reads `model`.
pub(super) fn model(top: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    const TYPES: [(&str, ModelType); 6] = [
        ("FNN", ModelType::Fnn),
        ("FNN_2layer", ModelType::Fnn2Layer),
        ("CNN", ModelType::Cnn),
        ("LeNet5", ModelType::LeNet5),
        ("ResNet18", ModelType::ResNet18),
        ("Sequential", ModelType::Sequential),
    ];
    let model = top.object("model", &["type", "args"])?;
    Ok(match model.choice("type", &TYPES, None)? {
        ModelType::Fnn => {
            let args = model.args(&["num_neurons", "init_scales"])?;
            ModelSpec::Fnn {
                num_neurons: args.count("num_neurons", 1, MAX_NEURONS, Some(10))?,
                init_scales: init_scales(&args)?,
            }
        }
        ModelType::Fnn2Layer => two_layers(&model)?,
        ModelType::Cnn => model.args(&[]).map(|_| ModelSpec::Cnn {})?,
        ModelType::LeNet5 => model.args(&[]).map(|_| ModelSpec::LeNet5 {})?,
        ModelType::ResNet18 => {
            let args = model.args(&["pretrained", "for_CIFAR"])?;
            ModelSpec::ResNet18 {
                pretrained: args.truth("pretrained", true)?,
                for_cifar: args.truth("for_CIFAR", true)?,
            }
        }
        ModelType::Sequential => ModelSpec::Sequential(parse_layers::sequential(&model.args(&SEQUENTIAL)?)?),
    })
}

fn two_layers(model: &Fields<'_>) -> Result<ModelSpec, ConfigError> {
    let args =
        model.args(&["num_neurons_layer1", "num_neurons_layer2", "activation_func", "initialization", "lsoftmax"])?;
    let num_neurons_layer1 = args.count("num_neurons_layer1", 1, MAX_NEURONS, Some(10))?;
    let num_neurons_layer2 = args.count("num_neurons_layer2", 1, MAX_NEURONS, Some(10))?;
    if num_neurons_layer1.saturating_mul(num_neurons_layer2) > MAX_WEIGHTS {
        let wanted = format!("at most {MAX_WEIGHTS} weights between the two layers; make one of them narrower");
        return Err(args.invalid("num_neurons_layer2", &wanted));
    }
    Ok(ModelSpec::Fnn2Layer {
        num_neurons_layer1,
        num_neurons_layer2,
        activation_func: args.choice(
            "activation_func",
            &[
                ("relu", Activation::Relu),
                ("sigmoid", Activation::Sigmoid),
                ("tanh", Activation::Tanh),
                ("gelu", Activation::Gelu),
                ("gelu_tanh", Activation::GeluTanh),
                ("softplus", Activation::Softplus),
            ],
            Some(Activation::Relu),
        )?,
        initialization: args.choice(
            "initialization",
            &[("random", Initialization::Random), ("Kaiming", Initialization::Kaiming)],
            Some(Initialization::Random),
        )?,
        lsoftmax: args.truth("lsoftmax", false)?,
    })
}

fn init_scales(args: &Fields<'_>) -> Result<Option<[f64; 2]>, ConfigError> {
    let scales = match args.get("init_scales") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(scales)) => scales.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>(),
        Some(_) => None,
    };
    match scales.as_deref() {
        Some(&[first, second]) if first.is_finite() && second.is_finite() => Ok(Some([first, second])),
        _ => Err(args.invalid("init_scales", "null or two numbers, the factors on the two weight matrices")),
    }
}
