//! Figure 2: what stands where, and what is refused.

mod common;
mod layout;

use common::row;
use heigen_figures::{FigureError, PlaneRow, Scene, figure2};
use layout::{assert_clear, images, labels};

fn texts(scene: &Scene) -> Vec<String> {
    labels(&scene.elements).into_iter().map(|(text, _)| text).collect()
}

#[test]
fn no_label_touches_another_one_or_a_map_or_leaves_the_page() -> Result<(), FigureError> {
    let long = "an_uncommonly_long_name_of_an_experiment/with_a_second_part/and_a_third_part_that_is_longer_still";
    let mut extreme = row("extreme", 3);
    for (map, eigenvalue) in extreme.maps.iter_mut().zip([-1.234e-250, 9.87e250, -999.9]) {
        (map.index, map.eigenvalue) = (map.index + 1230, eigenvalue);
    }
    for rows in [
        vec![row("gaussian", 5)],
        vec![row("circle", 1)],
        vec![row("", 1), row(&"m".repeat(200), 1)],
        vec![row("gauss/normal_training", 2), row(long, 7), extreme, row("circle", 1)],
        (0..5).map(|_| row(long, 5)).collect(),
    ] {
        assert_clear(&figure2(&rows)?);
    }
    Ok(())
}

#[test]
fn titles_stand_once_where_rows_agree_and_everywhere_where_they_differ() -> Result<(), FigureError> {
    let count = |scene: &Scene, title: &str| texts(scene).iter().filter(|t| *t == title).count();
    let same = figure2(&[row("a", 2), row("b", 2)])?;
    assert_eq!((count(&same, "v1"), count(&same, "decision boundary")), (1, 1));
    let different = figure2(&[row("a", 2), row("b", 3)])?;
    assert_eq!((count(&different, "v1"), count(&different, "decision boundary")), (2, 2));
    assert_eq!(count(&different, "v3"), 1);
    Ok(())
}

#[test]
fn eigenvalues_names_and_the_one_colour_bar_are_written() -> Result<(), FigureError> {
    let scene = figure2(&[row("gauss_1", 4), row("b", 4)])?;
    let texts = texts(&scene);
    for text in ["gauss_1", "λ1=0.154", "λ2=0.0154", "λ3=0.00154", "λ4=1.54×10\u{2212}4", "\u{2212}0.5"] {
        assert!(texts.iter().any(|t| t == text), "{text} in {texts:?}");
    }
    assert_eq!(texts.iter().filter(|t| *t == "Alignment").count(), 1);
    // One image for each map and one for the bar, which spans both rows.
    let images = images(&scene);
    assert_eq!(images.len(), 9);
    assert_eq!((images[8].y, images[8].bottom()), (images[0].y, images[7].bottom()));
    Ok(())
}

/// A change that makes a good row a bad one.
type Spoil = fn(&mut PlaneRow);

#[test]
fn bad_input_is_refused_with_the_place_named() {
    assert_eq!(
        figure2(&[]).map_err(|e| e.to_string()),
        Err("figure 2: nothing to draw; expected at least one row".to_owned())
    );
    let cases: [(Spoil, &str); 16] = [
        (|r| r.maps.clear(), "row 1 (`bad`): nothing to draw; expected at least one alignment map"),
        (|r| r.x_range = [1.0, 1.0], "x_range of row 1 (`bad`) is 1..1; expected two finite ends, the lower one first"),
        (
            |r| r.y_range = [f64::NAN, 1.0],
            "y_range of row 1 (`bad`) is NaN..1; expected two finite ends, the lower one first",
        ),
        (
            |r| r.x_range = [3.0, -3.0],
            "x_range of row 1 (`bad`) is 3..-3; expected two finite ends, the lower one first",
        ),
        (|r| r.classes.truncate(1), "classes of row 1 (`bad`) has 1 entries; expected 3 (one for each training point)"),
        (|r| r.points[1][0] = f64::INFINITY, "a training point of row 1 (`bad`) is inf; expected a finite number"),
        (|r| r.boundary[0][1][1] = f64::NAN, "a boundary point of row 1 (`bad`) is NaN; expected a finite number"),
        (|r| r.classes[2] = 12, "a class of row 1 (`bad`) is 12; expected 0 to 11, one marker for each class"),
        (|r| r.grid = [0, 2], "the grid of row 1 (`bad`) is 0 x 2; expected at least 1 x 1 cells"),
        (|r| r.grid = [2, 3], "values of map 1 of row 1 (`bad`) has 4 entries; expected 6 (nx * ny of the row's grid)"),
        (
            |r| r.grid = [usize::MAX, 2],
            "values of map 1 of row 1 (`bad`) has 4 entries; expected 18446744073709551615 (nx * ny of the row's grid)",
        ),
        (
            |r| r.maps[0].index = 0,
            "the index of map 0 of row 1 (`bad`) is 0; expected 1 or more; v_1 has the largest eigenvalue",
        ),
        (
            |r| r.maps[0].eigenvalue = f64::NAN,
            "the eigenvalue of map 1 of row 1 (`bad`) is NaN; expected a finite number",
        ),
        (
            |r| r.maps[0].values[3] = 1.01,
            "an alignment of map 1 of row 1 (`bad`) is 1.01; expected a number from -1 to 1",
        ),
        (
            |r| r.maps[0].values[0] = f64::NAN,
            "an alignment of map 1 of row 1 (`bad`) is NaN; expected a number from -1 to 1",
        ),
        (
            |r| r.label = "日".to_owned(),
            "label `日`: STIXGeneral Italic has no glyph for `日` (U+65E5); use another character",
        ),
    ];
    for (spoil, text) in cases {
        let mut bad = row("bad", 1);
        spoil(&mut bad);
        assert_eq!(figure2(&[bad]).map_err(|e| e.to_string()), Err(text.to_owned()));
    }
}

#[test]
fn rounding_beyond_one_and_no_points_or_boundary_are_fine() -> Result<(), FigureError> {
    let mut edge = row("edge", 1);
    edge.maps[0].values[3] = 1.0 + 1e-12;
    (edge.points, edge.classes, edge.boundary) = (vec![], vec![], vec![]);
    figure2(&[edge]).map(|_| ())
}
