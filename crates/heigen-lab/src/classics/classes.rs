//! Outliers, and the means of classes that they come from.

use super::samples::{all_in_training, blobs, largest, network, perceptron, pooled_digits, problem};
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::config::{BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{ClassShares, ClassSpectra, ClassStructure};
use heigen::data::Dataset;
use heigen::train::Training;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

/// A trained classifier's leading eigenpairs with their parts.
struct Found {
    name: &'static str,
    classes: usize,
    eigenvalues: Vec<f64>,
    shares: Vec<ClassShares>,
    spectra: ClassSpectra,
}

impl Found {
    /// How many of the leading eigenvectors lie mostly in the span of the class means.
    fn in_means(&self) -> usize {
        self.shares.iter().filter(|shares| shares.in_class_means > 0.5).count()
    }

    /// The mean of a part's share of v^T G v over some of the eigenvectors.
    fn mean(&self, range: std::ops::Range<usize>, part: fn(&ClassShares) -> f64) -> f64 {
        let some = &self.shares[range.start.min(self.shares.len())..range.end.min(self.shares.len())];
        some.iter().map(|shares| part(shares) / shares.total).sum::<f64>() / some.len().max(1) as f64
    }
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let mut watch = call.job(name);
    let mut trained = |name: &'static str, data: &Dataset, hidden: &[usize], epochs: usize, done: usize| {
        let (classes, parts) = (data.n_classes, all_in_training(data));
        let (network, theta) = network(&perceptron(hidden, "relu", classes, data.shape.len() > 1), data, 0)?;
        let (sgd, batch) = (OptimizerSpec::Sgd { lr: 0.05, momentum: 0.0, weight_decay: 0.0 }, BatchSize::Samples(50));
        let loss = LossKind::CrossEntropy;
        let mut training = Training::new(&network, &parts, theta, loss, sgd, None, batch, 0)?.on(call.threads.clone());
        while training.epochs_done() < epochs {
            training.run_epoch()?;
            watch.tell("training", (done + training.epochs_done()) as u64, None, "epochs")?;
        }
        let problem = problem(call.threads, &network, training.theta(), data, loss)?;
        let top = largest(&problem, 3 * classes, None)?;
        let structure = ClassStructure::of(&problem).map_err(LabError::solver)?;
        let (shares, spectra) = (structure.shares(&top.eigenvectors)?, structure.spectra()?);
        Ok::<_, LabError>(Found { name, classes, eigenvalues: top.eigenvalues, shares, spectra })
    };
    let digits = pooled_digits(1_000)?;
    let plane = blobs()?;
    let all = [trained("digits", &digits, &[32, 32], 60, 0)?, trained("blobs", &plane, &[20, 20], 300, 60)?];
    let setup = "Perceptrons with ReLU under cross-entropy: 196-32-32-10 on 1,000 built-in digits of 14 x 14 pixels, and 2-20-20-3 \
                 on 300 samples of three Gaussian blobs, trained by SGD in batches of 50. The Gauss-Newton matrix is taken apart \
                 by classes into the means of classes, the means of pairs of classes around them, the samples around those, and \
                 the samples' own labels. Eigenvectors are the Hessian's, three times as many as classes."
        .to_owned();
    Ok(Measured { setup, claims: claims(&all), panels: all.iter().flat_map(panels).collect() })
}

fn claims(all: &[Found]) -> Vec<ClassicClaim> {
    let percent = |x: f64| format!("{:.0} %", 100.0 * x);
    let outliers = all.iter().map(|f| {
        let (count, c) = (f.in_means(), f.classes);
        let text = format!(
            "{}: {count} of the {} leading eigenvectors have more than half of their squared length in the span of the {c} class \
             means",
            f.name,
            f.shares.len()
        );
        finding((c - 1..=c).contains(&count), text)
    });
    let origin = all.iter().map(|f| {
        let range = 0..f.classes - 1;
        let (class, cross) = (f.mean(range.clone(), |s| s.class), f.mean(range, |s| s.cross));
        let text = format!(
            "{}: of v^T G v {} is of the class part and {} of the cross-class part, on average over the {} leading eigenvectors",
            f.name,
            percent(class),
            percent(cross),
            f.classes - 1
        );
        finding(class + cross > 0.5, text)
    });
    let next = all.iter().map(|f| {
        let range = f.classes..2 * f.classes;
        let (class, cross) = (f.mean(range.clone(), |s| s.class), f.mean(range, |s| s.cross));
        let text = format!(
            "{}: for v_{} to v_{} the cross-class part has {} and the class part {}",
            f.name,
            f.classes + 1,
            2 * f.classes,
            percent(cross),
            percent(class)
        );
        finding(cross > class, text)
    });
    vec![
        ClassicClaim {
            statement: "The spectrum has as many outliers as classes, whose eigenvectors lie in the span of the means of classes."
                .into(),
            source: "Papyan, arXiv:1811.07062, arXiv:1901.08244".into(),
            rule: "For: the number of leading eigenvectors with more than half of their squared length there is C - 1 or C.".into(),
            findings: outliers.collect(),
        },
        ClassicClaim {
            statement: "The outliers come from the means of classes and of pairs of classes, and not from single samples.".into(),
            source: "Papyan, arXiv:1901.08244, arXiv:2008.11865".into(),
            rule: "For: the class part and the cross-class part together have more than half of v^T G v on average over the C - 1 leading \
                   eigenvectors."
                .into(),
            findings: origin.collect(),
        },
        ClassicClaim {
            statement: "Below them stand the eigenvalues of the means of pairs of classes.".into(),
            source: "Papyan, arXiv:1901.08244, arXiv:2008.11865".into(),
            rule: "For: the cross-class part is larger than the class part, on average over v_(C+1) to v_(2C).".into(),
            findings: next.collect(),
        },
    ]
}

fn panels(found: &Found) -> Vec<PanelRecord> {
    let markers = |name: &str, values: Vec<f64>| CurveRecord {
        name: name.to_owned(),
        points: values.into_iter().enumerate().map(|(i, y)| [(i + 1) as f64, y]).collect(),
        markers: true,
    };
    let descending = |values: &[f64]| values.iter().rev().take(found.eigenvalues.len()).copied().collect::<Vec<_>>();
    let smallest = found.eigenvalues.iter().fold(f64::INFINITY, |m, l| if *l > 0.0 { m.min(*l) } else { m });
    let seen = |values: Vec<f64>| values.into_iter().filter(|&v| v >= 0.3 * smallest).collect::<Vec<_>>();
    let share = |part: fn(&ClassShares) -> f64| found.shares.iter().map(|s| part(s) / s.total).collect::<Vec<f64>>();
    vec![
        PanelRecord {
            title: format!("{}: eigenvalues", found.name),
            axes: ["$i$".to_owned(), r"$\lambda_i$".to_owned()],
            logarithmic: [false, true],
            curves: vec![
                markers("Hessian", found.eigenvalues.clone()),
                markers("class part", seen(descending(&found.spectra.class))),
                markers("cross part", seen(descending(&found.spectra.cross))),
            ],
            ..PanelRecord::default()
        },
        PanelRecord {
            title: format!("{}: parts of $v_i^T G v_i$", found.name),
            axes: ["$i$".to_owned(), "share".to_owned()],
            curves: vec![
                markers("class", share(|s| s.class)),
                markers("cross-class", share(|s| s.cross)),
                markers("within", share(|s| s.within)),
                markers("own label", share(|s| s.own)),
            ],
            levels: vec![("$1/2$".to_owned(), 0.5)],
            ..PanelRecord::default()
        },
    ]
}
