//! Small made-up experiments.

use heigen_figures::{AlignmentMap, PlaneRow};

/// Three points, a boundary down the middle, and `maps` maps of 2 x 2 cells with -1, 0 and 1 in them.
pub(crate) fn row(label: &str, maps: usize) -> PlaneRow {
    let map = |index: usize| AlignmentMap {
        index,
        eigenvalue: 0.154 * 10f64.powf(1.0 - index as f64),
        values: vec![-1.0, 0.0, 0.0, 1.0],
    };
    PlaneRow {
        label: label.to_owned(),
        note: None,
        aside: None,
        x_range: [-3.0, 3.0],
        y_range: [-4.0, 4.0],
        points: vec![[-0.2, 0.3], [0.2, 0.3], [0.0, -0.3]],
        classes: vec![0, 1, 2],
        class_names: ["0", "1", "setosa"].map(str::to_owned).to_vec(),
        boundary: vec![vec![[0.0, -9.0], [0.0, 9.0]]],
        grid: [2, 2],
        maps: (1..=maps).map(map).collect(),
    }
}
