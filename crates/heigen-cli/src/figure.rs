//! `heigen figure`.

use crate::args::{Analysing, Dtype, FigureArgs};
use crate::hessian::{Analysed, analysed, one_model};
use crate::prepare::Prepared;
use crate::progress::spinner;
use crate::session::{Session, print, say};
use anyhow::{Result, bail};
use heigen::analysis::{Plane, decision_boundary};
use heigen::config::DatasetSpec;
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::{Matrix, Scalar};
use heigen_figures::{AlignmentMap, PlaneRow, figure2};
use heigen_store::catalogue::Loaded;
use heigen_store::npy::{self, Element, Order};
use heigen_store::{StoreError, atomic};
use std::path::Path;

/// The experiments of the paper's Figure 2.
const FIGURE_2: [&str; 1] = ["gauss/normal_training"];

/// Nodes along each axis on which the boundary is traced.
const BOUNDARY_NODES: usize = 400;

pub(crate) fn run(args: &FigureArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, &FIGURE_2, "figure 2")?;
    one_model(&args.analysing, &experiments);
    for loaded in &experiments {
        let name = &loaded.experiment.name;
        let features = Prepared::new(&loaded.experiment, &session.images)?.data.n_features();
        if features != 2 {
            bail!(
                "{name} has {features} features; Figure 2 draws the plane of experiments with 2, e.g. gauss/normal_training"
            );
        }
    }
    let stem = stem(&experiments);
    let path = |extension: &str| args.figures.join(format!("{stem}.{extension}"));
    // Better now than after hours.
    atomic::check_writable(&path("svg"))?;
    let mut rows = Vec::new();
    for loaded in &experiments {
        let analysed = analysed(&session, loaded, &args.analysing)?;
        if session.json {
            print(&serde_json::to_string(&analysed.record)?)?;
        }
        rows.push(row(loaded, &analysed, args, &args.analysing)?);
    }
    let drawing = spinner("drawing");
    let rendered = figure2(&rows).and_then(|figure| heigen_figures::render(&figure));
    drawing.finish_and_clear();
    let rendered = rendered?;
    let pieces = [("svg", rendered.svg.as_bytes()), ("pdf", &rendered.pdf[..]), ("png", &rendered.png[..])];
    let staged = pieces.map(|(extension, bytes)| atomic::stage_with(&path(extension), |file| file.write_all(bytes)));
    for (staged, (extension, _)) in staged.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().zip(pieces) {
        staged.commit()?;
        let drawn = path(extension).display().to_string();
        if session.json { say(&format!("drew {drawn}")) } else { print(&drawn)? }
    }
    Ok(())
}

/// `figure2`, or with the experiments' names behind where they are not the paper's.
fn stem(experiments: &[Loaded]) -> String {
    let names: Vec<String> = experiments.iter().map(|l| l.experiment.name.to_string()).collect();
    if names == FIGURE_2 {
        return "figure2".into();
    }
    let joined = names.join("+").replace('/', "-");
    // File systems take 255 bytes.
    if joined.len() <= 150 {
        return format!("figure2_{joined}");
    }
    let rest = heigen_store::record::stamp(&names);
    format!("figure2_{}-and-{}-more-{}", names[0].replace('/', "-"), names.len() - 1, &rest[..8])
}

fn row(loaded: &Loaded, analysed: &Analysed, args: &FigureArgs, how: &Analysing) -> Result<PlaneRow> {
    match how.dtype {
        Dtype::Float64 => row_of::<f64>(loaded, analysed, args),
        Dtype::Float32 => row_of::<f32>(loaded, analysed, args),
    }
}

fn row_of<T: Scalar + Element>(loaded: &Loaded, analysed: &Analysed, args: &FigureArgs) -> Result<PlaneRow> {
    let experiment = &loaded.experiment;
    let samples = analysed.prepared.training();
    let problem: Problem<T> = Problem::new(&analysed.prepared.network, &analysed.theta, &samples, experiment.loss)?;
    let (values, vectors) = top::<T>(analysed, usize::from(args.eigenvectors))?;
    let plane = plane(&experiment.dataset, &samples.features);
    let resolution = usize::from(args.resolution);
    let cells = plane.cell_centres(resolution, resolution);
    let alignments = problem.alignments_at(&cells, &ExampleLabels::Predicted, &vectors);
    let k = values.len();
    let maps = (0..k)
        .map(|i| AlignmentMap {
            index: i + 1,
            eigenvalue: values[i].to_f64(),
            values: alignments.data.iter().skip(i).step_by(k).map(|a| a.to_f64()).collect(),
        })
        .collect();
    let nodes = plane.nodes(BOUNDARY_NODES, BOUNDARY_NODES);
    let outputs = problem.network().outputs(problem.theta(), &nodes);
    Ok(PlaneRow {
        label: label(loaded),
        x_range: plane.x,
        y_range: plane.y,
        points: samples.features.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
        classes: samples.labels.clone(),
        boundary: decision_boundary(&plane, &outputs, BOUNDARY_NODES, BOUNDARY_NODES),
        grid: [resolution, resolution],
        maps,
    })
}

/// The `k` largest stored eigenvalues, largest first, and their eigenvectors [P, k].
fn top<T: Scalar + Element>(analysed: &Analysed, k: usize) -> Result<(Vec<T>, Matrix<T>)> {
    let name = &analysed.record.name;
    let summary = &analysed.record.summary;
    let path = analysed.paths.heigenvectors();
    let stored: npy::Array<T> = npy::read_shaped(&path, &[summary.n_params, summary.n_eigenvectors])?;
    if stored.order != Order::Fortran && summary.n_eigenvectors > 1 {
        return Err(StoreError::Content {
            path,
            found: "an array in C order".into(),
            wanted: "one in Fortran order, as this program writes it".into(),
            mend: "analyse again with --force".into(),
        }
        .into());
    }
    let (p, have) = (summary.n_params, summary.n_eigenvectors);
    // Only positive eigenvalues lie at the upper end of the stored ones in the summary's order.
    let positive = summary.eigenvalues_top.iter().filter(|&&l| l > summary.outside_bound).count();
    let k = k.min(have).min(positive);
    if k == 0 {
        bail!("{name}: its Hessian has no positive eigenvalue, so there are no eigenvectors to draw");
    }
    let mut vectors = Matrix::zeros(p, k);
    for i in 0..k {
        vectors.column_mut(i).copy_from_slice(&stored.values[(have - 1 - i) * p..(have - i) * p]);
    }
    let values = summary.eigenvalues_top.iter().take(k).map(|&l| T::from_f64(l)).collect();
    Ok((values, vectors))
}

/// The part of the plane that the paper shows, or what holds the points where it shows none.
fn plane(dataset: &DatasetSpec, features: &[f32]) -> Plane {
    match dataset {
        DatasetSpec::GaussMixtures { .. } | DatasetSpec::Hierachical { .. } => Plane::square(-4.0, 4.0),
        DatasetSpec::Circle { .. } => Plane::square(-2.0, 2.0),
        DatasetSpec::HalfMoon { .. } => Plane::square(-1.7, 2.3),
        DatasetSpec::GaussCheckerboardLinearClose { .. } | DatasetSpec::GaussCheckerboardNoisyClose { .. } => {
            Plane { x: [-3.0, 3.0], y: [-4.0, 4.0] }
        }
        _ => around(features),
    }
}

/// The box of the points with a tenth of its size around it.
fn around(features: &[f32]) -> Plane {
    let range = |axis: usize| {
        let values = features.iter().skip(axis).step_by(2).map(|&v| f64::from(v));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let margin = 0.1 * (high - low).max(1e-6);
        [low - margin, high + margin]
    };
    Plane { x: range(0), y: range(1) }
}

/// Name of a row: the data set for normal training, else the experiment.
fn label(loaded: &Loaded) -> String {
    let name = &loaded.experiment.name;
    let folder = match name.folder.as_str() {
        "gauss" => "gaussian",
        "half_moon" => "half moon",
        "hierachical" => "hierarchical",
        folder if folder.starts_with("gauss_checkerboard") => "checkerboard",
        other => other,
    };
    match name.stem.as_str() {
        "normal_training" => folder.to_owned(),
        stem => format!("{folder}: {}", Path::new(stem).display().to_string().replace('_', " ")),
    }
}
