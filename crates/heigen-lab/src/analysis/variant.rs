//! How analyses of one experiment are told apart in names of files.

use super::setting::Goal;
use heigen::config::LossKind;
use heigen_store::record::{End, Operator, Subject, loss_name, stamp};

/// Names of layers as they stand in names of files; a pattern may hold characters that names of files may not.
pub(crate) fn in_file_names(layers: &[String]) -> String {
    let name = |layer: &String| match layer.strip_prefix("re:") {
        Some(pattern) => format!("re-{}", &stamp([pattern])[..8]),
        None => layer.clone(),
    };
    layers.iter().map(name).collect::<Vec<_>>().join("-")
}

/// The part of file names that distinguishes this analysis from the one of the plain Hessian.
pub(super) fn variant(subject: &Subject, trained_with: LossKind, goal: Goal) -> String {
    let mut parts = Vec::new();
    if subject.operator != Operator::Hessian {
        parts.push(subject.operator.name().to_owned());
    }
    if subject.loss != loss_name(trained_with) {
        parts.push(subject.loss.clone());
    }
    if let Some(classes) = &subject.classes {
        parts.push(format!("classes-{}", classes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")));
    }
    if let Some(samples) = &subject.samples {
        parts.push(format!("samples-{samples}"));
    }
    if let Some(layers) = &subject.layers {
        parts.push(format!("layers-{}", in_file_names(layers)));
    }
    if let Some([a, b, c]) = subject.reparameterize {
        parts.push(format!("reparameterized-{a}-{b}-{c}"));
    }
    if subject.weight_decay != 0.0 {
        let of = subject.decay_only.as_ref().map_or_else(String::new, |only| format!("-of-{}", in_file_names(only)));
        parts.push(format!("weight-decay-{:e}{of}", subject.weight_decay));
    }
    if subject.label_smoothing != 0.0 {
        parts.push(format!("smoothing-{:e}", subject.label_smoothing));
    }
    if !subject.loss_args.is_empty() {
        // Options may hold many numbers, such as the weights of all classes.
        let options = serde_json::to_string(&subject.loss_args).unwrap_or_default();
        parts.push(format!("loss-options-{}", &stamp([options])[..8]));
    }
    match goal {
        Goal::Whole(_) => {}
        Goal::Top(top) => parts.push(format!("{}-{}", End::from(top.which).name(), top.k)),
        Goal::Estimates => parts.push("estimates".to_owned()),
    }
    parts.join("+")
}
