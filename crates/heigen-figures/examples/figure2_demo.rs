//! Draws Figure 2 from made-up smooth data: `cargo run --example figure2_demo -- FOLDER` writes SVG, PDF and PNG files there.

use heigen_figures::{AlignmentMap, PlaneRow, figure2, render};
use std::f64::consts::TAU;
use std::path::Path;

/// Three regions that meet in a point, with a cloud of points in each.
fn made_up(label: &str, x_range: [f64; 2], y_range: [f64; 2], n_maps: usize, n_classes: usize) -> PlaneRow {
    let grid = [100, 100];
    let [x_span, y_span] = [x_range, y_range].map(|[low, high]| high - low);
    let center = [x_range[0] + 0.48 * x_span, y_range[0] + 0.47 * y_span];
    let angle_of = |class: usize| TAU * (class as f64 + 0.1) / n_classes as f64;
    let class_at = |x: f64, y: f64| {
        let angle = ((y - center[1]) / y_span).atan2((x - center[0]) / x_span) - 0.1 * TAU / n_classes as f64;
        (angle.rem_euclid(TAU) / TAU * n_classes as f64).round() as usize % n_classes
    };
    let mut points = Vec::new();
    let mut classes = Vec::new();
    for class in 0..n_classes {
        for i in 0..(150 / n_classes) {
            // A sunflower: evenly spread without a random generator.
            let (turn, radius) =
                (2.399_963 * i as f64, 0.016 * (1.0 + 0.5 * (7.1 * i as f64).sin()) * (i as f64).sqrt());
            let at = |span: f64, trig: f64, spread: f64| span * (0.27 * trig + radius * spread);
            let angle = angle_of(class);
            points.push([
                center[0] + at(x_span, angle.cos(), turn.cos()),
                center[1] + at(y_span, angle.sin(), turn.sin()),
            ]);
            classes.push(class);
        }
    }
    let ray = |class: usize| {
        let angle = angle_of(class) + TAU / (2.0 * n_classes as f64);
        let point = |i: i32| {
            let (r, bend) = (f64::from(i) / 40.0, 0.05 * (f64::from(i) / 12.0).sin());
            [center[0] + x_span * r * (angle + bend).cos(), center[1] + y_span * r * (angle + bend).sin()]
        };
        (0..=40).map(point).collect()
    };
    let value = |index: usize, x: f64, y: f64| {
        let (u, v) = ((x - center[0]) / x_span, (y - center[1]) / y_span);
        let wave = (TAU * index as f64 * (0.6 * u + 0.4 * v)).sin();
        let sign = if class_at(x, y).is_multiple_of(2) { 1.0 } else { -1.0 };
        (sign * wave / (index as f64).sqrt()).clamp(-1.0, 1.0)
    };
    let cell = |i: usize, n: usize, [low, high]: [f64; 2]| low + (high - low) * (i as f64 + 0.5) / n as f64;
    let map = |index: usize| {
        let cells = (0..grid[1]).flat_map(|j| (0..grid[0]).map(move |i| (i, j)));
        AlignmentMap {
            index,
            eigenvalue: 0.154 * 7f64.powf(1.0 - index as f64),
            values: cells.map(|(i, j)| value(index, cell(i, grid[0], x_range), cell(j, grid[1], y_range))).collect(),
        }
    };
    PlaneRow {
        label: label.to_owned(),
        note: None,
        aside: None,
        x_range,
        y_range,
        points,
        classes,
        class_names: vec![],
        boundary: (0..n_classes).map(ray).collect(),
        grid,
        maps: (1..=n_maps).map(map).collect(),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder for the files")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let square = [-4.0, 4.0];
    let one = made_up("gaussian", square, square, 5, 3);
    let five = [
        one.clone(),
        made_up("circle", [-2.0, 2.0], [-2.0, 2.0], 5, 2),
        made_up("half_moon", [-1.7, 2.3], [-1.7, 2.3], 5, 4),
        made_up("hierachical/normal_training", square, square, 5, 10),
        made_up("gauss_checkerboard_linear/noisy_init_training_close", [-3.0, 3.0], [-4.0, 4.0], 5, 2),
    ];
    let uneven = [
        made_up("gauss/normal_training", square, square, 3, 3),
        made_up("an_uncommonly_long_name_of_an_experiment/with_a_second_part_that_is_longer", square, square, 7, 12),
        made_up("circle", square, square, 1, 2),
    ];
    let single = made_up("circle", [-2.0, 2.0], [-2.0, 2.0], 1, 2);
    for (name, rows) in [
        ("one_row", std::slice::from_ref(&one)),
        ("five_rows", five.as_slice()),
        ("uneven_rows", uneven.as_slice()),
        ("single_map", std::slice::from_ref(&single)),
    ] {
        let rendered = render(&figure2(rows)?)?;
        std::fs::write(folder.join(name).with_extension("svg"), rendered.svg)?;
        std::fs::write(folder.join(name).with_extension("pdf"), rendered.pdf)?;
        std::fs::write(folder.join(name).with_extension("png"), rendered.png)?;
    }
    Ok(())
}
