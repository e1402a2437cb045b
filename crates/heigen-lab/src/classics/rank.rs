//! The ranks of the Hessian and of its parts for deep linear networks.

use super::samples::network;
use super::{Measured, finding};
use crate::LabError;
use crate::call::Call;
use heigen::config::LossKind;
use heigen::curvature::{GaussNewton, Hessian, Problem, SymmetricOperator, dense};
use heigen::data::Dataset;
use heigen::linalg::self_adjoint_eigen;
use heigen::rng::NumpyRandomState;
use heigen_spectra::Watch;
use heigen_store::classic_record::{ClassicClaim, CurveRecord, PanelRecord};

/// Shapes: inputs, hidden widths, outputs, samples.
type Shape = (usize, &'static [usize], usize, usize);

/// The first one is the published example.
const SHAPES: [Shape; 12] = [
    (25, &[5, 10], 10, 50),
    (8, &[6], 4, 30),
    (8, &[3], 4, 30),
    (10, &[7, 7], 5, 40),
    (10, &[2, 7], 5, 40),
    (10, &[12, 4, 9], 6, 40),
    (6, &[6, 6, 6], 3, 25),
    (12, &[5, 5], 2, 40),
    (20, &[8, 6], 8, 12),
    (15, &[4, 4, 4, 4], 7, 30),
    (9, &[10], 9, 20),
    (16, &[3, 10, 3], 10, 40),
];
/// Eigenvalues of this fraction of the largest magnitude, or less, are zeros.
const ZERO: f64 = 1e-9;

/// The ranks of one network: found and predicted, of the Gauss-Newton matrix and of the Hessian.
struct Ranks {
    name: String,
    found: [usize; 2],
    wanted: [usize; 2],
    n_params: usize,
}

pub(super) fn measure(call: &Call, name: &'static str) -> Result<Measured, LabError> {
    let mut watch = call.job(name);
    let mut all = Vec::new();
    for (i, shape) in SHAPES.iter().enumerate() {
        all.push(ranks(call, *shape)?);
        watch.tell("dense", i as u64 + 1, Some(SHAPES.len() as u64), "networks")?;
    }
    let setup = format!(
        "{} linear networks of one to four hidden layers without biases, with random weights in float64, squared loss, random inputs \
         and targets. The rank of a matrix is the number of eigenvalues above {ZERO:e} of the largest magnitude.",
        SHAPES.len()
    );
    Ok(Measured { setup, claims: claims(&all), panels: panels(&all) })
}

/// The network without biases or activations: a perceptron's list without either.
fn layers(hidden: &[usize], outputs: usize) -> String {
    let widths: Vec<usize> = hidden.iter().copied().chain([outputs]).collect();
    let linear = |width: &usize| format!(r#"{{"type": "linear", "out_features": {width}, "bias": false}}"#);
    widths.iter().map(linear).collect::<Vec<_>>().join(", ")
}

fn ranks(call: &Call, (inputs, hidden, outputs, samples): Shape) -> Result<Ranks, LabError> {
    let mut stream = NumpyRandomState::new(7);
    let mut normal = |n: usize| (0..n).map(|_| stream.randn()).collect::<Vec<f64>>();
    let data = Dataset {
        features: normal(samples * inputs).iter().map(|&x| x as f32).collect(),
        shape: vec![inputs],
        labels: (0..samples).map(|n| n % outputs).collect(),
        others: None,
        n_classes: outputs,
        source: "random".to_owned(),
    };
    let (network, _) = network(&layers(hidden, outputs), &data, 0)?;
    // Fresh weights are those of float32; ranks need all digits of float64, which random numbers have.
    let theta: Vec<f64> = normal(network.n_params()).iter().map(|w| 0.5 * w).collect();
    let problem: Problem<f64> = call.problem(&network, &theta, &data, LossKind::Mse)?;
    let rank = |operator: &dyn SymmetricOperator| -> Result<usize, LabError> {
        let values = self_adjoint_eigen(&dense(operator, &mut ())?)?.eigenvalues;
        let largest = values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        Ok(values.iter().filter(|v| v.abs() > ZERO * largest).count())
    };
    let found = [rank(&GaussNewton(&problem))?, rank(&Hessian(&problem))?];
    // arXiv:2106.16225 with r = min(d, n) for random inputs.
    let (r, k, m, l) = (inputs.min(samples), outputs, hidden.iter().sum::<usize>(), hidden.len() + 1);
    let q = hidden.iter().copied().chain([r, k]).min().unwrap_or(0);
    let wanted = [q * (r + k - q), 2 * q * m + q * (r + k) - l * q * q];
    let widths: Vec<String> = hidden.iter().map(ToString::to_string).collect();
    let name = format!("{inputs}-{}-{outputs}, n = {samples}", widths.join("-"));
    Ok(Ranks { name, found, wanted, n_params: network.n_params() })
}

fn claims(all: &[Ranks]) -> Vec<ClassicClaim> {
    let of = |which: usize| {
        all.iter()
            .map(|r| {
                let (found, wanted, p) = (r.found[which], r.wanted[which], r.n_params);
                finding(found == wanted, format!("{}: rank {found} of P = {p}, predicted {wanted}", r.name))
            })
            .collect()
    };
    let source = "Singh, Bachmann, Hofmann, arXiv:2106.16225";
    vec![
        ClassicClaim {
            statement: "The Gauss-Newton matrix of a deep linear network has rank q (r + C - q), with q the smallest of the rank r of \
                        the inputs, the widths of the hidden layers and C."
                .into(),
            source: source.into(),
            rule: "For: the number of eigenvalues that are not zero is this number.".into(),
            findings: of(0),
        },
        ClassicClaim {
            statement: "Its Hessian has rank 2 q M - L q^2 + q (r + C), with the sum M of the hidden widths and L layers.".into(),
            source: source.into(),
            rule: "For: the number of eigenvalues that are not zero is this number.".into(),
            findings: of(1),
        },
    ]
}

fn panels(all: &[Ranks]) -> Vec<PanelRecord> {
    let curve = |name: &str, which: usize| CurveRecord {
        name: name.to_owned(),
        points: all.iter().map(|r| [r.wanted[which] as f64, r.found[which] as f64]).collect(),
        markers: true,
    };
    let most = all.iter().map(|r| r.wanted[1]).max().unwrap_or(1) as f64;
    let equal = CurveRecord { name: "equal".to_owned(), points: vec![[0.0, 0.0], [most, most]], markers: false };
    vec![PanelRecord {
        title: "ranks of deep linear networks".to_owned(),
        axes: ["predicted".to_owned(), "found".to_owned()],
        curves: vec![curve("Gauss-Newton", 0), curve("Hessian", 1), equal],
        ..PanelRecord::default()
    }]
}
