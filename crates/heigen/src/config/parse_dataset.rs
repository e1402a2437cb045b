//! The `dataset` object: every data set accepts its own arguments and no others.

use super::fields::Fields;
use super::{ConfigError, DatasetSpec, ImageArgs, ModelSpec, RandomType, parse_file};

/// The seed of the labels (and of the points of `circle` and `half_moon`) where none is given.
const SEED: u64 = 28;
/// The seed of the hierachical set where none is given.
const HIERACHICAL_SEED: u64 = 34;
/// The largest number of samples that is accepted.
const MAX_SAMPLES: u64 = 10_000_000;

#[derive(Clone, Copy)]
enum Type {
    Intro,
    GaussMixtures,
    Hierachical,
    Circle,
    HalfMoon,
    Linear,
    Noisy,
    LinearClose,
    NoisyClose,
    Iris,
    Mnist2D,
    Cifar10,
    File,
}

const TYPES: [(&str, Type); 13] = [
    ("intro", Type::Intro),
    ("gauss_mixtures", Type::GaussMixtures),
    ("hierachical", Type::Hierachical),
    ("circle", Type::Circle),
    ("half_moon", Type::HalfMoon),
    ("gauss_checkerboard_linear", Type::Linear),
    ("gauss_checkerboard_noisy", Type::Noisy),
    ("gauss_checkerboard_linear_close", Type::LinearClose),
    ("gauss_checkerboard_noisy_close", Type::NoisyClose),
    ("iris", Type::Iris),
    ("mnist2D", Type::Mnist2D),
    ("cifar10", Type::Cifar10),
    ("file", Type::File),
];

/// Reads `dataset`; `model` must fit the shape of its samples where that is known already.
pub(super) fn dataset(
    top: &Fields<'_>,
    model: &ModelSpec,
    notes: &mut Vec<String>,
) -> Result<DatasetSpec, ConfigError> {
    let set = top.object("dataset", &["type", "args"])?;
    let kind = set.choice("type", &TYPES, None)?;
    let spec = match kind {
        Type::Intro => set.args(&[]).map(|_| DatasetSpec::Intro {})?,
        Type::GaussMixtures => gauss_mixtures(&set, notes)?,
        Type::Hierachical => hierachical(&set)?,
        Type::Circle => circle(&set)?,
        Type::HalfMoon => half_moon(&set)?,
        Type::Linear => labels(&set).map(|_| DatasetSpec::GaussCheckerboardLinear {})?,
        Type::Noisy => labels(&set).map(|_| DatasetSpec::GaussCheckerboardNoisy {})?,
        Type::LinearClose => {
            labels(&set).map(|(random, seed)| DatasetSpec::GaussCheckerboardLinearClose { random, seed })?
        }
        Type::NoisyClose => {
            labels(&set).map(|(random, seed)| DatasetSpec::GaussCheckerboardNoisyClose { random, seed })?
        }
        Type::Iris => labels(&set).map(|(random, seed)| DatasetSpec::Iris { random, seed })?,
        Type::Mnist2D => DatasetSpec::Mnist2D(images(&set)?),
        Type::Cifar10 => DatasetSpec::Cifar10(images(&set)?),
        Type::File => DatasetSpec::File(parse_file::file(&set, SEED)?),
    };
    fits(top, model, kind).map(|()| spec)
}

/// Fails if a convolutional network, which takes images of one shape only, gets other samples.
fn fits(top: &Fields<'_>, model: &ModelSpec, kind: Type) -> Result<(), ConfigError> {
    let (network, set) = match (model, kind) {
        (ModelSpec::Cnn {}, Type::Mnist2D)
        | (ModelSpec::LeNet5 {} | ModelSpec::ResNet18 { .. }, Type::Cifar10)
        | (ModelSpec::Fnn { .. } | ModelSpec::Fnn2Layer { .. } | ModelSpec::Sequential(_), _)
        | (_, Type::File) => return Ok(()),
        (ModelSpec::Cnn {}, _) => ("CNN", "mnist2D"),
        (ModelSpec::LeNet5 {}, _) => ("LeNet5", "cifar10"),
        (ModelSpec::ResNet18 { .. }, _) => ("ResNet18", "cifar10"),
    };
    Err(top.conflict(
        format!("`model.type` {network} takes the images of `dataset.type` {set} only"),
        &format!("use {set}, or FNN or FNN_2layer, which take any features"),
    ))
}

fn random(args: &Fields<'_>) -> Result<bool, ConfigError> {
    args.truth("random", false)
}

/// Reads a seed of 32 bits, which is what `NumPy`'s legacy generator takes.
fn seed(args: &Fields<'_>, default: u64) -> Result<u32, ConfigError> {
    let seed = args.whole("seed", 0, u64::from(u32::MAX), Some(default))?;
    u32::try_from(seed).map_err(|_| args.invalid("seed", "a whole number below 2^32"))
}

/// Reads `random` and `seed`, for the sets that take nothing else.
fn labels(set: &Fields<'_>) -> Result<(bool, u32), ConfigError> {
    let args = set.args(&["random", "seed"])?;
    Ok((random(&args)?, seed(&args, SEED)?))
}

fn gauss_mixtures(set: &Fields<'_>, notes: &mut Vec<String>) -> Result<DatasetSpec, ConfigError> {
    let args = set.args(&["random", "seed", "four_classes"])?;
    let four_classes = args.truth("four_classes", false)?;
    if four_classes {
        notes.push(
            "`dataset.args.four_classes` has no effect on gauss_mixtures, as in the reference: it keeps three classes"
                .to_owned(),
        );
    }
    Ok(DatasetSpec::GaussMixtures { random: random(&args)?, seed: seed(&args, SEED)?, four_classes })
}

fn hierachical(set: &Fields<'_>) -> Result<DatasetSpec, ConfigError> {
    let args = set.args(&["random", "seed", "num_classes", "random_type"])?;
    let num_classes = args.count("num_classes", 2, 4, Some(4))?;
    if num_classes == 3 {
        return Err(args.invalid("num_classes", "4, or 2 to merge the classes {0, 1} and {2, 3}"));
    }
    Ok(DatasetSpec::Hierachical {
        random: random(&args)?,
        seed: seed(&args, HIERACHICAL_SEED)?,
        num_classes,
        random_type: args.choice(
            "random_type",
            &[("uniform", RandomType::Uniform), ("within_hierachy", RandomType::WithinHierachy)],
            Some(RandomType::Uniform),
        )?,
    })
}

fn num_samples(args: &Fields<'_>) -> Result<usize, ConfigError> {
    args.count("num_samples", 2, MAX_SAMPLES, Some(200))
}

fn noise(args: &Fields<'_>) -> Result<f64, ConfigError> {
    args.number("noise", Some(0.1), "a standard deviation, 0 or more", |noise| noise >= 0.0)
}

fn circle(set: &Fields<'_>) -> Result<DatasetSpec, ConfigError> {
    let args = set.args(&["random", "seed", "num_samples", "noise", "factor"])?;
    Ok(DatasetSpec::Circle {
        random: random(&args)?,
        seed: seed(&args, SEED)?,
        num_samples: num_samples(&args)?,
        noise: noise(&args)?,
        factor: args.number("factor", Some(0.5), "a radius from 0 to below 1", |f| (0.0..1.0).contains(&f))?,
    })
}

fn half_moon(set: &Fields<'_>) -> Result<DatasetSpec, ConfigError> {
    let args = set.args(&["random", "seed", "num_samples", "noise"])?;
    Ok(DatasetSpec::HalfMoon {
        random: random(&args)?,
        seed: seed(&args, SEED)?,
        num_samples: num_samples(&args)?,
        noise: noise(&args)?,
    })
}

fn images(set: &Fields<'_>) -> Result<ImageArgs, ConfigError> {
    let args = set.args(&["random", "seed", "class_list", "num_samples_per_cls", "train"])?;
    let wanted = "a list of different classes from 0 to 9, at least one";
    let class_list = args.list("class_list", 0, 9, Some((0..10).collect()), wanted)?;
    let repeated = class_list.iter().enumerate().any(|(i, class)| class_list[..i].contains(class));
    if class_list.is_empty() || repeated {
        return Err(args.invalid("class_list", wanted));
    }
    Ok(ImageArgs {
        random: random(&args)?,
        seed: args.whole("seed", 0, u64::MAX, Some(SEED))?,
        class_list,
        num_samples_per_cls: args.count("num_samples_per_cls", 1, MAX_SAMPLES, Some(200))?,
        train: args.truth("train", false)?,
    })
}
