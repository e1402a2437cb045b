//! The layers of a `Sequential` network.

use serde_json::Value;

use super::fields::Fields;
use super::parse_model::MAX_NEURONS;
use super::{Approximate, BatchNormMode, ConfigError, LayerSpec, Sequential, Tie, WindowSpec, json};

/// The keys of an architecture.
pub(super) const SEQUENTIAL: [&str; 4] = ["input_shape", "channels_last", "batchnorm", "layers"];
/// The longest side of a window, and the largest number of rows or columns of padding, that is accepted.
const MAX_WINDOW: u64 = 10_000;
/// The largest number of layers in one list.
const MAX_LAYERS: usize = 10_000;

#[derive(Clone, Copy)]
enum Type {
    Linear,
    Conv2d,
    Relu,
    Tanh,
    Sigmoid,
    Gelu,
    Softplus,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    BatchNorm,
    Scale,
    Flatten,
    FlattenChannelsLast,
    Dropout,
    Residual,
    LogSoftmax,
    BinaryLogits,
    Graph,
}

const TYPES: [(&str, Type); 19] = [
    ("linear", Type::Linear),
    ("conv2d", Type::Conv2d),
    ("relu", Type::Relu),
    ("tanh", Type::Tanh),
    ("sigmoid", Type::Sigmoid),
    ("gelu", Type::Gelu),
    ("softplus", Type::Softplus),
    ("maxpool", Type::MaxPool),
    ("avgpool", Type::AvgPool),
    ("global_avgpool", Type::GlobalAvgPool),
    ("batchnorm", Type::BatchNorm),
    ("scale", Type::Scale),
    ("flatten", Type::Flatten),
    ("flatten_channels_last", Type::FlattenChannelsLast),
    ("dropout", Type::Dropout),
    ("residual", Type::Residual),
    ("log_softmax", Type::LogSoftmax),
    ("binary_logits", Type::BinaryLogits),
    ("graph", Type::Graph),
];

impl Sequential {
    /// Checks the text of an architecture file: an object as in `model.args` of a `Sequential` experiment.
    ///
    /// `origin` is the name of the file in messages.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake found.
    ///
    /// ```
    /// use heigen::config::{LayerSpec, Sequential};
    /// let text = r#"{"layers": [{"type": "linear", "out_features": 8}, {"type": "tanh"},
    ///                           {"type": "linear", "out_features": 3}]}"#;
    /// let architecture = Sequential::parse(text, "arch.json")?;
    /// assert_eq!(architecture.layers[1], LayerSpec::Tanh);
    /// # Ok::<(), heigen::config::ConfigError>(())
    /// ```
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        sequential(&Fields::top(&json::read(text, origin)?, origin, &SEQUENTIAL)?)
    }
}

pub(super) fn sequential(args: &Fields<'_>) -> Result<Sequential, ConfigError> {
    let batchnorm = args.choice(
        "batchnorm",
        &[("batch", BatchNormMode::Batch), ("running", BatchNormMode::Running)],
        Some(BatchNormMode::Batch),
    )?;
    let layers = layers(args, "layers")?;
    if layers.is_empty() {
        return Err(args.invalid("layers", "a list of layers, at least one"));
    }
    Ok(Sequential {
        input_shape: input_shape(args)?,
        channels_last: args.truth("channels_last", false)?,
        batchnorm,
        layers,
    })
}

fn input_shape(args: &Fields<'_>) -> Result<Option<[usize; 3]>, ConfigError> {
    let wanted = "channels, rows and columns of an image, e.g. [1, 28, 28]";
    if args.get("input_shape").is_none_or(Value::is_null) {
        return Ok(None);
    }
    let shape = args.list("input_shape", 1, MAX_NEURONS, None, wanted)?;
    <[usize; 3]>::try_from(shape).map(Some).map_err(|_| args.invalid("input_shape", wanted))
}

/// Reads the layers at `key`; an absent key means no layers.
fn layers(of: &Fields<'_>, key: &str) -> Result<Vec<LayerSpec>, ConfigError> {
    let wanted = "a list of layers, e.g. [{\"type\": \"linear\", \"out_features\": 10}]";
    let items = match of.get(key) {
        None => return Ok(Vec::new()),
        Some(Value::Array(items)) if items.len() <= MAX_LAYERS => items,
        Some(_) => return Err(of.invalid(key, wanted)),
    };
    items.iter().enumerate().map(|(i, item)| layer(&of.item(key, i, item, wanted)?)).collect()
}

fn layer(of: &Fields<'_>) -> Result<LayerSpec, ConfigError> {
    let kind = of.choice("type", &TYPES, None)?;
    let only = |keys: &[&str]| of.check_keys(&[&["type"], keys].concat());
    Ok(match kind {
        Type::Linear => {
            only(&["name", "out_features", "bias", "tie"])?;
            let out_features = of.count("out_features", 1, MAX_NEURONS, None)?;
            let bias = of.truth("bias", true)?;
            LayerSpec::Linear { name: name(of)?, out_features, bias, tie: tie(of, bias)? }
        }
        Type::Conv2d => {
            only(&["name", "out_channels", "kernel_size", "stride", "padding", "bias", "tie"])?;
            let out_channels = of.count("out_channels", 1, MAX_NEURONS, None)?;
            let bias = of.truth("bias", true)?;
            LayerSpec::Conv2d { name: name(of)?, out_channels, window: window(of, Some(1))?, bias, tie: tie(of, bias)? }
        }
        Type::MaxPool => {
            only(&["kernel_size", "stride", "padding"])?;
            LayerSpec::MaxPool(pool(of)?)
        }
        Type::AvgPool => {
            only(&["kernel_size", "stride", "padding"])?;
            LayerSpec::AvgPool(pool(of)?)
        }
        Type::Gelu => {
            only(&["approximate"])?;
            let choices = [("none", Approximate::None), ("tanh", Approximate::Tanh)];
            LayerSpec::Gelu { approximate: of.choice("approximate", &choices, Some(Approximate::None))? }
        }
        Type::BatchNorm => {
            only(&["name", "eps", "affine"])?;
            let eps = of.number("eps", Some(1e-5), "a number above 0", |eps| eps > 0.0)?;
            LayerSpec::BatchNorm { name: name(of)?, eps, affine: of.truth("affine", true)? }
        }
        Type::Scale => {
            only(&["scale", "shift"])?;
            LayerSpec::Scale { scale: constants(of, "scale", 1.0)?, shift: constants(of, "shift", 0.0)? }
        }
        Type::Dropout => {
            only(&["p"])?;
            LayerSpec::Dropout {
                p: of.number("p", Some(0.5), "a probability from 0 to 1", |p| (0.0..=1.0).contains(&p))?,
            }
        }
        Type::Residual => {
            only(&["main", "shortcut"])?;
            let main = layers(of, "main")?;
            if main.is_empty() {
                return Err(of.invalid("main", "a list of layers, at least one"));
            }
            LayerSpec::Residual { main, shortcut: layers(of, "shortcut")? }
        }
        Type::Relu => only(&[]).map(|()| LayerSpec::Relu)?,
        Type::Tanh => only(&[]).map(|()| LayerSpec::Tanh)?,
        Type::Sigmoid => only(&[]).map(|()| LayerSpec::Sigmoid)?,
        Type::Softplus => only(&[]).map(|()| LayerSpec::Softplus)?,
        Type::GlobalAvgPool => only(&[]).map(|()| LayerSpec::GlobalAvgPool)?,
        Type::Flatten => only(&[]).map(|()| LayerSpec::Flatten)?,
        Type::FlattenChannelsLast => only(&[]).map(|()| LayerSpec::FlattenChannelsLast)?,
        Type::LogSoftmax => only(&[]).map(|()| LayerSpec::LogSoftmax)?,
        Type::BinaryLogits => only(&[]).map(|()| LayerSpec::BinaryLogits)?,
        Type::Graph => LayerSpec::Graph(Box::new(super::parse_graph::graph(of)?)),
    })
}

/// Reads constants of a scaling: a list of finite numbers, or `default` alone where the key is absent.
fn constants(of: &Fields<'_>, key: &str, default: f64) -> Result<Vec<f64>, ConfigError> {
    let Some(value) = of.get(key) else { return Ok(vec![default]) };
    let number = |value: &Value| value.as_f64().filter(|number| number.is_finite());
    let numbers = value.as_array().and_then(|items| items.iter().map(number).collect::<Option<Vec<_>>>());
    let wanted = "a list of finite numbers: one, or one for each feature or channel";
    numbers.filter(|numbers| !numbers.is_empty()).ok_or_else(|| of.invalid(key, wanted))
}

fn name(of: &Fields<'_>) -> Result<Option<String>, ConfigError> {
    match of.get("name") {
        None => Ok(None),
        Some(Value::String(name)) if !name.is_empty() => Ok(Some(name.clone())),
        Some(_) => Err(of.invalid("name", "the prefix of the layer's tensors in the state dict, e.g. \"fc1\"")),
    }
}

/// Reads which tensors of a layer are those of earlier layers.
fn tie(of: &Fields<'_>, has_bias: bool) -> Result<Tie, ConfigError> {
    if of.get("tie").is_none_or(Value::is_null) {
        return Ok(Tie::default());
    }
    let parts = of.object("tie", &["weight", "bias"])?;
    let part = |key: &str| match parts.get(key) {
        None => Ok(None),
        Some(Value::String(name)) if !name.is_empty() => Ok(Some(name.clone())),
        Some(_) => Err(parts.invalid(key, "the name of a tensor of an earlier layer, e.g. \"fc1.weight\"")),
    };
    let tie = Tie { weight: part("weight")?, bias: part("bias")? };
    if tie.bias.is_some() && !has_bias {
        return Err(parts.invalid("bias", "no such key for a layer without bias"));
    }
    Ok(tie)
}

/// Reads a window. Where the file gives no stride it is `stride`, or else the window's side, as in PyTorch's pools.
fn window(of: &Fields<'_>, stride: Option<usize>) -> Result<WindowSpec, ConfigError> {
    let kernel_size = of.count("kernel_size", 1, MAX_WINDOW, None)?;
    let stride = stride.unwrap_or(kernel_size) as u64;
    Ok(WindowSpec {
        kernel_size,
        stride: of.count("stride", 1, MAX_WINDOW, Some(stride))?,
        padding: of.count("padding", 0, MAX_WINDOW, Some(0))?,
    })
}

fn pool(of: &Fields<'_>) -> Result<WindowSpec, ConfigError> {
    let window = window(of, None)?;
    if 2 * window.padding > window.kernel_size {
        return Err(of.invalid("padding", "at most half of `kernel_size`: a pool needs a pixel in every window"));
    }
    Ok(window)
}
