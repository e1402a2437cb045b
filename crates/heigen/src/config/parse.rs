//! Checks the JSON of an experiment file and makes an [`Experiment`] of it.

use crate::vocabulary::LossArgs;
use serde_json::Value;

use super::fields::Fields;
use super::{
    BatchSize, ConfigError, DatasetSpec, Experiment, ExperimentName, KnownExperiments, LossKind, ModelSpec,
    MultiStepLr, OptimizerSpec, TargetForm, Trainer, json, parse_dataset, parse_model, parse_start,
};

/// Keys at the top of an experiment file.
const KEYS: [&str; 12] = [
    "model",
    "optimizer",
    "scheduler",
    "dataset",
    "loss",
    "init_model_at",
    "large_norm",
    "train_fraction",
    "test_fraction",
    "trainer",
    "early_stopping",
    "seed",
];
/// The largest number of epochs, and of samples in a batch, that is accepted.
const MAX_COUNT: u64 = 1_000_000_000;
/// How far above 1 the two fractions may add up because of rounding.
const FRACTION_ROUNDING: f64 = 1e-9;

/// A checked experiment, with notes about how it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The experiment.
    pub experiment: Experiment,
    /// Notes in whole sentences about values that were resolved, or that have no effect.
    pub notes: Vec<String>,
}

impl Experiment {
    /// Checks the text of an experiment file.
    ///
    /// `origin` is the name of the file in messages; `known` holds the experiments that a starting model may come from.
    ///
    /// Required are `model`, `optimizer` and `dataset` with their `type` (and `lr`), `train_fraction`, `test_fraction`,
    /// and in `trainer` `num_epochs`, `batch_size` and `how_often_print`; every other key has the reference's default.
    /// `num_epochs` may be 0: the starting model is then what gets saved and analysed.
    ///
    /// # Errors
    /// [`ConfigError`] for the first mistake found; nothing is guessed, and no key is ignored.
    ///
    /// ```
    /// use heigen::config::{AnyName, Experiment, ExperimentName, LossKind};
    /// let text = r#"{
    ///     "model": {"type": "FNN"}, "optimizer": {"type": "SGD", "args": {"lr": 0.02}}, "dataset": {"type": "intro"},
    ///     "train_fraction": 1.0, "test_fraction": 0.0,
    ///     "trainer": {"num_epochs": 20, "batch_size": "full", "how_often_print": 5}
    /// }"#;
    /// let name = ExperimentName::new("mine", "first")?;
    /// let experiment = Experiment::parse(text, name, "mine/first.json", &AnyName)?.experiment;
    /// assert_eq!(experiment.loss, LossKind::CrossEntropy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse(
        text: &str,
        name: ExperimentName,
        origin: &str,
        known: &dyn KnownExperiments,
    ) -> Result<Parsed, ConfigError> {
        name.check()?;
        let value = json::read(text, origin)?;
        let top = Fields::top(&value, origin, &KEYS)?;
        let mut notes = Vec::new();
        let model = parse_model::model(&top)?;
        let dataset = parse_dataset::dataset(&top, &model, &mut notes)?;
        let (loss, loss_args) = loss(&top, &model)?;
        let dataset = of_loss(dataset, loss, &loss_args);
        let start = parse_start::start(&top, &name, known, &mut notes)?;
        let (train_fraction, test_fraction) = fractions(&top, &mut notes)?;
        let experiment = Self {
            model,
            optimizer: optimizer(&top)?,
            scheduler: scheduler(&top)?,
            dataset,
            loss,
            loss_args,
            start,
            train_fraction,
            test_fraction,
            trainer: trainer(&top)?,
            early_stopping: top.truth("early_stopping", false)?,
            seed: top.whole("seed", 0, u64::MAX, Some(0))?,
            name,
        };
        Ok(Parsed { experiment, notes })
    }
}

fn optimizer(top: &Fields<'_>) -> Result<OptimizerSpec, ConfigError> {
    let rule = top.object("optimizer", &["type", "args"])?;
    let kind = rule.choice("type", &[("SGD", Rule::Sgd), ("Adam", Rule::Adam), ("SAM", Rule::Sam)], None)?;
    let args = rule.args(match kind {
        Rule::Sgd => &["lr", "momentum", "weight_decay", "nesterov"],
        Rule::Adam => &["lr"],
        Rule::Sam => &["lr", "momentum", "weight_decay", "rho"],
    })?;
    let lr = args.number("lr", None, "a learning rate above 0", |lr| lr > 0.0)?;
    let momentum = || args.number("momentum", Some(0.0), "a number from 0 to below 1", |m| (0.0..1.0).contains(&m));
    let weight_decay = || args.number("weight_decay", Some(0.0), "a number, 0 or more", |decay| decay >= 0.0);
    Ok(match kind {
        Rule::Sgd if args.truth("nesterov", false)? => {
            let (momentum, weight_decay) = (momentum()?, weight_decay()?);
            if momentum == 0.0 {
                return Err(args.conflict("`nesterov` needs a momentum", "set `momentum` to a number above 0"));
            }
            OptimizerSpec::Nesterov { lr, momentum, weight_decay }
        }
        Rule::Sgd => OptimizerSpec::Sgd { lr, momentum: momentum()?, weight_decay: weight_decay()? },
        Rule::Adam => OptimizerSpec::Adam { lr },
        Rule::Sam => OptimizerSpec::Sam {
            lr,
            momentum: momentum()?,
            weight_decay: weight_decay()?,
            rho: args.number("rho", Some(0.05), "a radius above 0", |rho| rho > 0.0)?,
        },
    })
}

/// The names of update rules.
#[derive(Clone, Copy)]
enum Rule {
    Sgd,
    Adam,
    Sam,
}

fn scheduler(top: &Fields<'_>) -> Result<Option<MultiStepLr>, ConfigError> {
    match top.get("scheduler") {
        None | Some(Value::Null | Value::Bool(false)) => return Ok(None),
        Some(Value::Object(_)) => {}
        Some(_) => {
            return Err(top.invalid("scheduler", "false for none, or an object with the type MultiStepLR and its args"));
        }
    }
    let scheduler = top.object("scheduler", &["type", "args"])?;
    scheduler.choice("type", &[("MultiStepLR", ())], None)?;
    let args = scheduler.args(&["milestones", "gamma"])?;
    let wanted = "a list of epochs, each 1 or more, ascending";
    let milestones = args.list("milestones", 1, MAX_COUNT, None, wanted)?;
    if !milestones.is_sorted_by(|a, b| a < b) {
        return Err(args.invalid("milestones", wanted));
    }
    let gamma = args.number("gamma", Some(0.1), "a factor above 0", |gamma| gamma > 0.0)?;
    Ok(Some(MultiStepLr { milestones, gamma }))
}

/// The samples with what the loss says about their labels, where the file of the experiment leaves it open.
fn of_loss(dataset: DatasetSpec, loss: LossKind, args: &LossArgs) -> DatasetSpec {
    let DatasetSpec::File(mut file) = dataset else { return dataset };
    if file.targets.is_none() && loss.is_regression() {
        file.targets = Some(TargetForm::Numbers);
    }
    file.ignore_index = file.ignore_index.or(args.ignore_index);
    DatasetSpec::File(file)
}

/// The loss: its name, or an object with its `type` and its `args`, which have PyTorch's names.
fn loss(top: &Fields<'_>, model: &ModelSpec) -> Result<(LossKind, LossArgs), ConfigError> {
    let losses = LossKind::ALL.map(|kind| (kind.name(), kind));
    let (loss, args) = match top.get("loss") {
        Some(Value::Object(_)) => {
            let given = top.object("loss", &["type", "args"])?;
            (given.choice("type", &losses, None)?, loss_args(&given)?)
        }
        _ => (top.choice("loss", &losses, Some(LossKind::CrossEntropy))?, LossArgs::default()),
    };
    if let Err(error) = args.check(loss) {
        return Err(top.conflict(error.to_string(), "correct `loss.args`"));
    }
    if loss == LossKind::Nll && !model.may_give_log_probabilities() {
        return Err(top.conflict(
            "`loss` is \"nll\", but the network's outputs are no log-probabilities",
            "set `model.args.lsoftmax` to true (FNN_2layer), let the last layer be log_softmax (Sequential), or set `loss` \
             to \"cross_entropy\"",
        ));
    }
    Ok((loss, args))
}

fn loss_args(loss: &Fields<'_>) -> Result<LossArgs, ConfigError> {
    let args = loss.args(&LossArgs::NAMES)?;
    let given = loss.get("args").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    serde_json::from_value(given).map_err(|error| args.conflict(format!("`loss.args`: {error}"), "correct the value"))
}

fn fractions(top: &Fields<'_>, notes: &mut Vec<String>) -> Result<(f64, f64), ConfigError> {
    let train = top.number("train_fraction", None, "a number above 0, at most 1", |f| f > 0.0 && f <= 1.0)?;
    let test = top.number("test_fraction", None, "a number from 0 to 1", |f| (0.0..=1.0).contains(&f))?;
    if train + test > 1.0 + FRACTION_ROUNDING {
        return Err(top.conflict(
            format!("`train_fraction` {train} and `test_fraction` {test} add to more than 1"),
            "lower one of them; what is left over becomes the validation part",
        ));
    }
    if test == 0.0 && train < 1.0 {
        notes.push(format!(
            "`test_fraction` is 0, so training, validation and test all use all samples; `train_fraction` {train} has no effect"
        ));
    }
    Ok((train, test))
}

fn trainer(top: &Fields<'_>) -> Result<Trainer, ConfigError> {
    let trainer = top.object(
        "trainer",
        &["num_epochs", "batch_size", "how_often_print", "how_often_save_model", "how_often_compute_grads"],
    )?;
    Ok(Trainer {
        num_epochs: trainer.count("num_epochs", 0, MAX_COUNT, None)?,
        batch_size: batch_size(&trainer)?,
        how_often_print: trainer.count("how_often_print", 1, MAX_COUNT, None)?,
        how_often_save_model: trainer.count("how_often_save_model", 0, MAX_COUNT, Some(0))?,
        how_often_compute_grads: trainer.count("how_often_compute_grads", 0, MAX_COUNT, Some(0))?,
    })
}

fn batch_size(trainer: &Fields<'_>) -> Result<BatchSize, ConfigError> {
    let wanted = "1 or more, or \"full\"";
    let refused = || trainer.invalid("batch_size", wanted);
    match trainer.get("batch_size") {
        None => Err(trainer.missing("batch_size", wanted)),
        Some(Value::String(word)) if word == "full" => Ok(BatchSize::Full),
        Some(value) => match value.as_u64() {
            Some(samples @ 1..=MAX_COUNT) => usize::try_from(samples).map(BatchSize::Samples).map_err(|_| refused()),
            Some(_) | None => Err(refused()),
        },
    }
}
