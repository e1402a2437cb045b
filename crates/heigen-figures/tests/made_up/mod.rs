//! Made-up contents of figures.

use crate::common::row;
use heigen_figures::{
    Block, CarriedRow, Coherence, Curve, CurvePanel, Density, DensityCurve, Eigenvectors, EmbeddingRow, ExtraMap,
    Histogram, InputLine, IntervalGroup, IntervalRow, Landscape, LayerShare, LogitCoherence, LossSurface, MovedAlong,
    NamedSpectrum, NamedVector, Overlaps, PlaneMapsRow, PlaneRow, SampleAlignments, SampleMap, Trajectory,
};

pub(crate) fn blocks(lens: &[usize]) -> Vec<Block> {
    lens.iter().enumerate().map(|(i, &len)| Block { name: format!("block {i}"), len }).collect()
}

pub(crate) fn surface() -> LossSurface {
    LossSurface {
        a_range: [-1.0, 1.0],
        b_range: [-1.0, 1.0],
        grid: [3, 2],
        losses: vec![1.0, 0.1, 1.0, 2.0, 0.2, 2.0],
        minimum: Some([0.0, 0.0, 0.05]),
        logarithmic: false,
    }
}

/// Largest eigenvalues of many batches.
pub(crate) fn batches() -> Histogram {
    Histogram {
        title: "200 mini-batches of 50".to_owned(),
        axis: r"$\lambda_1$".to_owned(),
        values: (0..200).map(|i| 11.0 + 4.0 * (f64::from(i) * 0.7).sin() * (f64::from(i) * 0.31).cos()).collect(),
        bins: None,
        levels: vec![("mean of the batches".to_owned(), 11.0), ("all samples".to_owned(), 6.2)],
    }
}

/// A curved valley over ten decades with the way of a training in it.
pub(crate) fn valley(logarithmic: bool) -> Landscape {
    let n = 31;
    let at = |k: usize| [-1.0 + 2.0 * (k % n) as f64 / 30.0, -1.0 + 2.0 * (k / n) as f64 / 30.0];
    let loss = |[a, b]: [f64; 2]| (0.05 + a * a + 8.0 * (b - 0.5 * a * a).powi(2)).powi(4);
    let losses: Vec<f64> = (0..n * n).map(|k| loss(at(k))).collect();
    let way = |t: usize| {
        let a = 0.9 * (1.0 - f64::from(t as u32) / 12.0);
        [a, 0.5 * a * a + 0.3 * a * (3.0 * a).sin()]
    };
    Landscape {
        title: "principal components of a training".to_owned(),
        axes: ["first component (97.1 % of the variance)".to_owned(), "second component (2.3 %)".to_owned()],
        surface: LossSurface {
            a_range: [-1.0, 1.0],
            b_range: [-1.0, 1.0],
            grid: [n, n],
            minimum: Some([0.0, 0.0, loss([0.0, 0.0])]),
            losses,
            logarithmic,
        },
        accuracies: Some((0..n * n).map(|k| (-at(k)[0].abs() - at(k)[1].abs()).exp()).collect()),
        path: Some(Trajectory { points: (0..13).map(way).collect() }),
    }
}

/// Three inputs, two classes, two parameters.
pub(crate) fn line() -> InputLine {
    InputLine {
        x_range: [0.35, 1.5],
        x: vec![0.4, 0.9, 1.4],
        logits: vec![vec![1.0, 0.0, -1.0], vec![-1.0, 0.0, 123.0]],
        boundaries: vec![0.9],
        regions: vec![0, 1],
        gradients: vec![0.6, 0.6, -0.6, 0.8, 0.8, -0.8],
        eigenvectors: vec![vec![0.6, 0.8], vec![0.8, -0.6]],
        alignments: vec![vec![1.0, 1.0, -1.0], vec![0.0, 0.0, 0.0]],
        points: vec![0.5, 1.2],
        classes: vec![0, 1],
        class_names: vec!["no $ign of a class".to_owned(), r"back\slash".to_owned()],
        eigenvalues: vec![0.2, -0.01],
        outliers: 1,
        surface: surface(),
    }
}

pub(crate) fn samples(n_eigenvectors: usize) -> SampleAlignments {
    SampleAlignments {
        label: "gauss/an_uncommonly_long_name_of_an_experiment".to_owned(),
        n_eigenvectors,
        alignments: vec![0.5; 3 * n_eigenvectors],
        classes: vec![0, 2, 2],
        notes: vec![r"$\mathcal{G}_\theta = 0.62$".to_owned(), r"$\lambda_1 = 0.154$".to_owned()],
    }
}

pub(crate) fn names() -> Vec<String> {
    ["a", "b", "c"].map(str::to_owned).to_vec()
}

pub(crate) fn vectors(lens: &[usize], entries: usize) -> Eigenvectors {
    let vector = |i: usize| NamedVector {
        name: format!("$v_{i}$"),
        note: Some(r"$\lambda_1 = 1.23 \times 10^{-12}$".to_owned()),
        entries: vec![0.01 * i as f64; entries],
    };
    Eigenvectors { title: "title".to_owned(), vectors: (1..=3).map(vector).collect(), tensors: blocks(lens) }
}

pub(crate) fn sample_cosines(lens: &[usize]) -> Coherence {
    let n: usize = lens.iter().sum();
    Coherence { title: "t".to_owned(), cosines: vec![-1e-3; n * n], classes: blocks(lens), threshold: 1e-4 }
}

pub(crate) fn logit_cosines(n_logits: usize, lens: &[usize]) -> LogitCoherence {
    let n = n_logits * lens.iter().sum::<usize>();
    let logits = (0..n_logits).map(|i| format!("logit {i}")).collect();
    LogitCoherence { title: "t".to_owned(), cosines: vec![0.5; n * n], logits, classes: blocks(lens), threshold: 1e-4 }
}

pub(crate) fn sample_overlaps(k: usize, lens: &[usize]) -> Overlaps {
    let n: usize = lens.iter().sum();
    Overlaps { title: "overlaps".to_owned(), alignments: vec![0.3; k * n], classes: blocks(lens) }
}

pub(crate) fn mapped() -> PlaneMapsRow {
    let extra = |title: &str, values: Vec<f64>, lines: Vec<Vec<[f64; 2]>>| ExtraMap {
        title: title.to_owned(),
        note: Some("note".to_owned()),
        values,
        lines,
    };
    let diagonal = vec![vec![[-3.0, -4.0], [3.0, 4.0]]];
    PlaneMapsRow {
        row: row("gauss", 2),
        extra: vec![
            extra("$r_1$", vec![1e-4, 0.0, -1e-5, 0.0], vec![]),
            extra("reconstructed boundary", vec![], diagonal),
        ],
    }
}

pub(crate) fn carried() -> CarriedRow {
    let moved = |index: usize, x: f64| MovedAlong {
        index,
        eigenvalue: 0.3 / index as f64,
        forward: vec![vec![[x, -4.0], [x, 4.0]]],
        backward: vec![],
    };
    let boundary = vec![vec![[0.0, -4.0], [0.0, 0.0], [0.5, 4.0]]];
    CarriedRow {
        row: PlaneRow { boundary, ..row("gauss", 0) },
        carriers: vec![vec![0, 1]],
        vectors: vec![moved(1, 1.0), moved(2, -1.0)],
    }
}

pub(crate) fn curves() -> Vec<CurvePanel> {
    let curve = |name: &str, markers: bool| Curve {
        name: name.to_owned(),
        points: (0..20).map(|i| [f64::from(i), 1e-4 * 1.7f64.powi(i)]).collect(),
        markers,
    };
    let panel = |logarithmic: bool| CurvePanel {
        title: "sharpness".to_owned(),
        axes: ["step".to_owned(), "training loss".to_owned()],
        logarithmic: [false, logarithmic],
        curves: vec![curve(r"$\eta = 0.3$", false), curve("cross-class part", true)],
        levels: vec![("threshold".to_owned(), 1.0)],
    };
    vec![panel(false), panel(true), panel(true)]
}

pub(crate) fn claims() -> Vec<IntervalGroup> {
    let row = |label: &str, estimate: Option<[f64; 3]>| IntervalRow {
        label: label.to_owned(),
        estimate,
        strong: label == "over all",
    };
    let rows =
        vec![row("over all", Some([0.52, 0.31, 0.67])), row("a data set of a long name", Some([-1.0, -1.0, 0.999]))];
    let more = vec![row("over all", Some([-0.01, -0.2, 0.15])), row("checkerboard", None)];
    let group = |title: &str, note: &str, rows| IntervalGroup { title: title.to_owned(), note: note.to_owned(), rows };
    vec![
        group("outliers against complexity", "weakly supported", rows),
        group(r"$G_\theta$ against accuracy", "not supported", more),
    ]
}

pub(crate) fn named_spectrum(name: &str, n: usize) -> NamedSpectrum {
    NamedSpectrum {
        name: name.to_owned(),
        eigenvalues: (0..n).map(|i| 3.0 * 0.8f64.powf(i as f64) - 1e-3).collect(),
        largest_of: None,
    }
}

pub(crate) fn curve(name: &str) -> DensityCurve {
    let eigenvalues: Vec<f64> = (0..50).map(|i| 0.1 * f64::from(i) - 1.0).collect();
    let density = eigenvalues.iter().map(|x| (-x * x).exp()).collect();
    DensityCurve { name: name.to_owned(), errors: vec![1e-3; 50], density, eigenvalues }
}

pub(crate) fn layer(name: &str, share: f64, ends: [f64; 2]) -> LayerShare {
    LayerShare { name: name.to_owned(), share, ends }
}

/// Many samples of ten classes in the plane, with five maps.
pub(crate) fn embedded(label: &str, n: usize) -> EmbeddingRow {
    let map = |index: usize| SampleMap { index, eigenvalue: 1.5 / index as f64, values: vec![0.1; n] };
    EmbeddingRow {
        label: label.to_owned(),
        points: (0..n).map(|i| [(i as f64).sin(), (1.7 * i as f64).cos()]).collect(),
        classes: (0..n).map(|i| i % 10).collect(),
        class_names: (0..10).map(|i| i.to_string()).collect(),
        maps: (1..=5).map(map).collect(),
        density: Density { eigenvalues: vec![1.5, 0.1, 0.0], outliers: 1 },
    }
}
