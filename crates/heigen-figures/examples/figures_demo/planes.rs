//! Maps on the plane with titles, ranges and lines of their own.

use heigen_figures::{
    AlignmentMap, ColorBars, Density, ExtraMap, FigureError, PlaneAside, PlaneMapsRow, PlaneRow, Scene, plane_maps,
};

const CELLS: usize = 60;

fn values(amplitude: f64, turns: f64) -> Vec<f64> {
    let cell = |i: usize| [i % CELLS, i / CELLS].map(|i| 2.0 * i as f64 / CELLS as f64 - 1.0);
    (0..CELLS * CELLS).map(cell).map(|[x, y]| amplitude * (turns * (x + 0.5 * y)).sin() * (1.0 - 0.3 * y)).collect()
}

fn row(label: &str, aside: Option<PlaneAside>) -> PlaneMapsRow {
    let bent = |shift: f64| (0..=40).map(|i| -4.0 + 0.2 * f64::from(i)).map(|x| [x, shift + x.sin()]).collect();
    let map = |index: usize, eigenvalue: f64| AlignmentMap { index, eigenvalue, values: values(0.7, index as f64) };
    let extra = |title: &str, note: &str, amplitude: f64, turns: f64| ExtraMap {
        title: title.to_owned(),
        note: Some(note.to_owned()),
        values: values(amplitude, turns),
        lines: vec![],
    };
    PlaneMapsRow {
        row: PlaneRow {
            label: label.to_owned(),
            note: Some(r"$\mathcal{G}_\theta = 0.62$".to_owned()),
            x_range: [-4.0, 4.0],
            y_range: [-4.0, 4.0],
            points: (0..90).map(f64::from).map(|t| [3.0 * (1.7 * t).sin(), 3.0 * (2.3 * t).cos()]).collect(),
            classes: (0..90).map(|i| i % 3).collect(),
            class_names: vec![],
            boundary: vec![bent(0.0)],
            grid: [CELLS, CELLS],
            maps: vec![map(1, 0.154), map(2, 0.023)],
            aside,
        },
        extra: vec![
            extra("$v_{323}$", r"$\lambda_{323} = -1.20 \times 10^{-3}$", 0.04, 5.0),
            extra("$r_1$", "random", 0.00021, 8.0),
            ExtraMap { lines: vec![bent(0.3)], ..extra("reconstructed boundary", "from $v_1, v_2$", 0.2, 2.0) },
            ExtraMap {
                title: "reconstructed boundary".to_owned(),
                note: None,
                values: vec![],
                lines: vec![bent(-0.3)],
            },
        ],
    }
}

pub(crate) fn scenes() -> Result<Vec<(&'static str, Scene)>, FigureError> {
    let density = || {
        let eigenvalues = (0..323).map(|i| 0.154 * 0.8f64.powi(i)).collect();
        Some(PlaneAside::Density(Density { eigenvalues, outliers: 2 }))
    };
    let rows = [row("gauss/normal_training", density()), row("gauss/large_norm_training", density())];
    Ok(vec![
        ("plane_maps_each", plane_maps(&rows, ColorBars::Each, "Maps")?),
        ("plane_maps_shared", plane_maps(&[row("gaussian", None)], ColorBars::Shared, "Maps")?),
    ])
}
