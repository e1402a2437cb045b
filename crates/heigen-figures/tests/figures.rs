//! The other figures: nothing overlaps, the same bytes from run to run, bad input refused.

mod common;
mod layout;
mod made_up;
mod report;

use common::row;
use heigen_figures::{
    Block, CarriedRow, ColorBars, CurvePanel, Density, DensityCurve, Eigenvectors, FigureError, Histogram, InputLine,
    IntervalGroup, Landscape, LossSurface, MarginPanel, NamedSpectrum, PlaneAside, PlaneMapsRow, PlaneRow,
    SampleAlignments, Scene, SmallMaps, carried_boundaries, coherence, curve_panels, density_curves, eigenvectors,
    figure1, figure2, figure3, figure4, figure5, figure6, histogram, intervals, landscape, layers, logit_coherence,
    loss_surface, overlaps, plane_maps, render_at, small_maps, spectra, spectrum, stacked, svg,
};
use layout::assert_clear;
use made_up::{
    batches, carried, claims, curve, curves, embedded, layer, line, logit_cosines, mapped, named_spectrum, names,
    sample_cosines, sample_overlaps, samples, surface, valley, vectors,
};
use report::assert_readable;

/// The figures as reports show them.
fn in_reports() -> Result<Vec<Scene>, FigureError> {
    let density = || Density { eigenvalues: (0..323).map(|i| 0.7f64.powf(f64::from(i))).collect(), outliers: 2 };
    let aside = |label: &str, maps: usize, aside: PlaneAside| PlaneRow { aside: Some(aside), ..row(label, maps) };
    let margin = MarginPanel {
        boundary_point: [0.0, 0.0],
        extremes: [[-0.2, 0.3], [0.2, 0.3]],
        estimate: 0.203,
        distance: 0.22,
    };
    let starts = ["normal", "adversarial", "large norm"];
    let third = starts.map(|label| aside(label, 7, PlaneAside::Density(density())));
    // A distance that is told as a power of ten.
    let fifth = [("normal", 0.22), ("noisy init", 1.3e-5)]
        .map(|(label, distance)| aside(label, 3, PlaneAside::Margin(MarginPanel { distance, ..margin.clone() })));
    let networks = [named_spectrum("sgd", 323), named_spectrum("sam", 90)];
    let long = "module.encoder.layers.11.self_attention.output.dense.weight";
    let tensors: Vec<Block> = (0..62).map(|i| Block { name: format!("{long}{i}"), len: 5 + i % 7 }).collect();
    let n_params = tensors.iter().map(|b| b.len).sum();
    Ok(vec![
        figure1(&line())?,
        figure2(&[row("gaussian", 5)])?,
        figure3(&third)?,
        figure4(&[samples(24), samples(24), samples(24)], &names())?,
        figure5(&fifth)?,
        figure6(&[embedded("normal", 600), embedded("adversarial", 600)])?,
        figure2(&["gaussian", "circle", "half moon", "hierarchical", "checkerboard"].map(|label| row(label, 5)))?,
        spectrum("gauss_checkerboard_linear/noisy_init_training_close", &density())?,
        eigenvectors(&vectors(&[32, 16, 256, 16, 3], 323))?,
        eigenvectors(&Eigenvectors { tensors, ..vectors(&[1], n_params) })?,
        overlaps(&sample_overlaps(24, &[45, 45, 45]))?,
        coherence(&sample_cosines(&[20; 10]))?,
        logit_coherence(&logit_cosines(10, &[2; 10]))?,
        loss_surface(&surface())?,
        spectra("checkpoints", &networks)?,
        density_curves("a density", &[curve("sgd"), curve("sam")])?,
        layers("layers", &[layer(long, 0.9, [-1e-3, 4.0]), layer("fc2", 0.1, [0.0, 0.5])])?,
        carried_boundaries(&[carried()])?,
        curve_panels("curves", &curves())?,
        landscape(&valley(true))?,
        histogram(&batches())?,
        intervals("claims", &claims(), [-1.0, 1.0], &[-0.5, 0.0, 0.5], "effect")?,
        small_maps(&units(30))?,
    ])
}

/// So many maps of units, the value of each rising from left to right.
fn units(count: usize) -> SmallMaps {
    let map = |unit: usize| {
        let values = (0..6).map(|cell| f64::from(cell % 3) - 1.0).collect();
        (format!("unit {}", unit + 1), values)
    };
    SmallMaps {
        title: "layer 1 of explore/gauss_mixtures, epoch 200, weights moved".to_owned(),
        x_range: [-2.0, 2.0],
        y_range: [-1.0, 1.0],
        grid: [3, 2],
        maps: (0..count).map(map).collect(),
        lines: vec![vec![[-2.0, 0.0], [2.0, 0.5]]],
        quantity: "input / its largest magnitude".to_owned(),
    }
}

#[test]
fn small_maps_stand_in_rows_of_eight_and_refuse_what_is_no_map() -> Result<(), FigureError> {
    for count in [1, 3, 8, 9, 128] {
        let scene = small_maps(&units(count))?;
        assert_clear(&scene);
        // One image for each map, and one for the colour bar.
        let places = layout::images(&scene);
        assert_eq!(places.len(), count + 1);
        let rows = places[..count].iter().filter(|rect| rect.x == places[0].x).count();
        assert_eq!(rows, count.div_ceil(8));
    }
    let refused = |change: fn(&mut SmallMaps)| {
        let mut maps = units(3);
        change(&mut maps);
        small_maps(&maps).is_err()
    };
    assert!(refused(|maps| maps.maps.clear()));
    assert!(refused(|maps| maps.maps[1].1[2] = 1.5));
    assert!(refused(|maps| maps.maps[2].1[0] = f64::NAN));
    assert!(refused(|maps| maps.maps[0].1.truncate(5)));
    assert!(refused(|maps| maps.x_range = [1.0, 1.0]));
    Ok(())
}

#[test]
fn drawings_are_stacked_without_touching_each_other() -> Result<(), FigureError> {
    let (planes, below) = (figure2(&[row("one", 1), row("other", 1)])?, small_maps(&units(9))?);
    let page = stacked("both", vec![planes.clone(), below.clone()]);
    assert_clear(&page);
    assert_eq!((page.height, page.width), (planes.height + below.height, planes.width.max(below.width)));
    assert_eq!(page.elements[..planes.elements.len()], planes.elements[..]);
    let (before, after) = (layout::images(&below), layout::images(&page));
    let last = after.last().zip(before.last()).map(|(after, before)| (after.x - before.x, after.y - before.y));
    let (right, down) = last.expect("an image");
    assert!(right.abs() < 1e-12 && (down - planes.height).abs() < 1e-9);
    Ok(())
}

#[test]
fn text_of_figures_has_nine_pixels_in_a_report() -> Result<(), FigureError> {
    for scene in in_reports()? {
        assert_readable(&scene)?;
    }
    Ok(())
}

#[test]
fn legends_name_classes_stars_and_dashes() -> Result<(), FigureError> {
    let texts =
        |scene: &Scene| -> Vec<String> { layout::labels(&scene.elements).into_iter().map(|(text, _)| text).collect() };
    let scenes = in_reports()?;
    for (i, wanted) in [
        (0, vec!["boundary", "v1"]),
        (1, vec!["class 0", "class 1", "setosa", "boundary"]),
        (2, vec!["outliers"]),
        (3, vec!["one sample", "mean of a class"]),
        (4, vec!["xb, sought for a gradient parallel to v1", "their distances to xb"]),
        (5, vec!["class 9", "outliers"]),
        (7, vec!["λi (symlog, linear to ±10\u{2212}3)"]),
        (11, vec!["cosine (symlog: linear up to ±10\u{2212}4, logarithmic beyond)"]),
        (13, vec!["minimum"]),
        (14, vec!["sgd", "sam"]),
        (16, vec!["smallest eigenvalue", "largest"]),
        (20, vec!["all samples", "mean of the batches", "200 of them"]),
        (19, vec!["way of the training", "trained weights", "accuracy", "loss (logarithmic)"]),
    ] {
        let texts = texts(&scenes[i]);
        for text in wanted {
            assert!(texts.iter().any(|t| t == text), "{text} in {texts:?}");
        }
    }
    Ok(())
}

#[test]
fn spectra_that_are_not_whole_stand_beside_whole_ones_and_the_legend_says_which() -> Result<(), FigureError> {
    let part = NamedSpectrum { largest_of: Some(1_000_000), ..named_spectrum("large", 10) };
    let drawn = svg(&spectra("Spectra", &[named_spectrum("small", 40), part])?)?;
    assert!(drawn.contains("large (largest 10 of 1000000)") && !drawn.contains("small (largest"));
    Ok(())
}

#[test]
fn thousands_of_markers_thin_out_and_the_legend_says_so() -> Result<(), FigureError> {
    fn shapes(elements: &[heigen_figures::Element]) -> usize {
        let of = |element: &heigen_figures::Element| match element {
            heigen_figures::Element::Shapes { paths, .. } => paths.len(),
            heigen_figures::Element::Clip { elements, .. } => shapes(elements),
            _ => 0,
        };
        elements.iter().map(of).sum()
    }
    let scene = figure6(&[embedded("many", 20_000)])?;
    assert!(shapes(&scene.elements) < 7_000, "{}", shapes(&scene.elements));
    let texts = layout::labels(&scene.elements);
    assert!(texts.iter().any(|(text, _)| text == "one sample in 20 is drawn"), "{texts:?}");
    Ok(())
}

fn all() -> Result<Vec<Scene>, FigureError> {
    let density =
        |n: usize| Density { eigenvalues: (0..n).map(|i| 0.7f64.powf(i as f64) - 0.001).collect(), outliers: 1 };
    let many: Vec<usize> = vec![400, 1, 1, 1, 30, 2, 400, 5, 1, 1];
    let mut faint = vectors(&[1000], 1000);
    faint.vectors.iter_mut().for_each(|v| v.entries.fill(2e-4));
    let many_total = many.iter().sum();
    Ok(vec![
        figure1(&line())?,
        loss_surface(&surface())?,
        loss_surface(&LossSurface { losses: vec![3.0; 6], minimum: None, ..surface() })?,
        landscape(&valley(false))?,
        histogram(&batches())?,
        histogram(&Histogram { values: vec![1e-9], bins: Some(1), levels: vec![], ..batches() })?,
        landscape(&Landscape { surface: surface(), accuracies: None, path: None, ..valley(false) })?,
        landscape(&Landscape {
            surface: LossSurface { losses: vec![0.0; 6], minimum: None, ..surface() },
            accuracies: Some(vec![1.0; 6]),
            ..valley(false)
        })?,
        figure4(&[samples(24), samples(8), samples(1)], &names())?,
        figure4(&[SampleAlignments { notes: vec![], ..samples(100) }], &names())?,
        spectrum("gauss", &density(323))?,
        spectrum("many", &density(20_000))?,
        spectrum("", &Density { eigenvalues: vec![0.0], outliers: 0 })?,
        figure1(&InputLine { logits: vec![vec![-1e4, 0.0, 1e4], vec![0.0; 3]], ..line() })?,
        eigenvectors(&faint)?,
        eigenvectors(&vectors(&[4, 2, 16, 2], 24))?,
        eigenvectors(&vectors(&many, many_total))?,
        overlaps(&sample_overlaps(5, &[10, 20, 1, 1]))?,
        overlaps(&sample_overlaps(1, &[3]))?,
        overlaps(&sample_overlaps(60, &[3, 2]))?,
        coherence(&sample_cosines(&[5, 6, 7]))?,
        coherence(&sample_cosines(&[1; 40]))?,
        logit_coherence(&logit_cosines(3, &[4, 5]))?,
        logit_coherence(&logit_cosines(10, &[1; 10]))?,
        spectra("", &(0..12).map(|i| named_spectrum(&format!("checkpoint_{i}"), 1 + 40 * i)).collect::<Vec<_>>())?,
        density_curves("", &[DensityCurve { errors: vec![], ..curve("alone") }])?,
        layers("", &[layer("only", -1.0, [-1e-3, 0.0]), layer("no", 0.0, [0.0, 0.0])])?,
        plane_maps(&[mapped()], ColorBars::Each, "maps")?,
        plane_maps(&[mapped(), PlaneMapsRow { row: row("b", 0), ..mapped() }], ColorBars::Shared, "maps")?,
    ])
}

#[test]
fn no_label_touches_another_one_or_a_map_or_leaves_the_page() -> Result<(), FigureError> {
    all()?.iter().for_each(assert_clear);
    Ok(())
}

#[test]
fn the_same_input_gives_the_same_bytes() -> Result<(), FigureError> {
    for (first, second) in all()?.iter().zip(&all()?) {
        assert!(render_at(first, 40.0)? == render_at(second, 40.0)?, "{}", first.title);
    }
    Ok(())
}

#[test]
fn heat_maps_are_one_image_each() -> Result<(), FigureError> {
    let scene = coherence(&sample_cosines(&[50, 50]))?;
    // The map and its colour bar.
    assert_eq!(layout::images(&scene).len(), 2);
    assert!(scene.elements.len() < 40);
    Ok(())
}

/// Applies `spoil` to a good input and returns the refusal.
fn refusal<T>(mut good: T, spoil: fn(&mut T), draw: impl Fn(&T) -> Result<Scene, FigureError>) -> String {
    spoil(&mut good);
    draw(&good).map_or_else(|e| e.to_string(), |_| "no refusal".to_owned())
}

/// A change that makes a good line a bad one.
type Spoil = fn(&mut InputLine);

#[test]
fn bad_input_of_figure_1_is_refused_with_the_place_named() {
    let cases: [(Spoil, &str); 16] = [
        (|l| l.x_range = [1.0, 1.0], "x_range of figure 1 is 1..1; expected two finite ends, the lower one first"),
        (|l| l.x.truncate(1), "the number of inputs of figure 1 is 1; expected at least 2"),
        (|l| l.x[1] = 0.4, "what follows 0.4 in the inputs of figure 1 is 0.4; expected a larger number"),
        (|l| l.logits.clear(), "the logits of figure 1: nothing to draw; expected at least one class"),
        (|l| l.logits[1].truncate(2), "logits of class 1 has 2 entries; expected 3 (one for each input)"),
        (|l| l.logits[0][0] = f64::NAN, "a logit of class 0 is NaN; expected a finite number"),
        (|l| l.boundaries[0] = f64::NAN, "one of the boundaries of figure 1 is NaN; expected a finite number"),
        (|l| l.regions.truncate(1), "regions has 1 entries; expected 2 (one more than boundaries)"),
        (|l| l.classes[0] = 12, "a class of figure 1 is 12; expected 0 to 11, one marker for each class"),
        (|l| l.class_names.truncate(1), "class_names of figure 1 has 1 entries; expected 2 (one for each class)"),
        (|l| l.eigenvectors.clear(), "figure 1: nothing to draw; expected at least one eigenvector"),
        (
            |l| l.gradients.truncate(5),
            "gradients has 5 entries; expected 6 (number of parameters times number of inputs)",
        ),
        (|l| l.gradients[0] = 1.5, "an entry of a normalised gradient is 1.5; expected a number from -1 to 1"),
        (|l| l.alignments.truncate(1), "alignments has 1 entries; expected 2 (one curve for each eigenvector)"),
        (|l| l.outliers = 3, "the outliers of figure 1 is 3; expected at most 2, the number of eigenvalues"),
        (|l| l.surface.grid = [3, 1], "the grid of the loss surface is 3 x 1; expected at least 2 x 2 nodes"),
    ];
    for (spoil, text) in cases {
        assert_eq!(refusal(line(), spoil, figure1), text);
    }
}

#[test]
fn bad_input_of_the_others_is_refused_with_the_place_named() {
    let figure4 = |s: &SampleAlignments| figure4(std::slice::from_ref(s), &names());
    let maps = |r: &PlaneMapsRow| plane_maps(std::slice::from_ref(r), ColorBars::Shared, "maps");
    let boundaries = |r: &CarriedRow| carried_boundaries(std::slice::from_ref(r));
    let cases = [
        (
            refusal(carried(), |r| r.vectors.clear(), boundaries),
            "row 1 (`gauss`): nothing to draw; expected at least one eigenvector",
        ),
        (
            refusal(carried(), |r| r.carriers[0].truncate(1), boundaries),
            "carriers of a line of row 1 (`gauss`) has 1 entries; expected 2 (one for each segment)",
        ),
        (
            refusal(carried(), |r| r.carriers[0][1] = 2, boundaries),
            "a carrier of row 1 (`gauss`) is 2; expected the place of one of its eigenvectors",
        ),
        (
            refusal(surface(), |s| s.losses.truncate(5), loss_surface),
            "losses has 5 entries; expected 6 (nx * ny of the surface's grid)",
        ),
        (
            refusal(surface(), |s| s.losses[0] = f64::INFINITY, loss_surface),
            "a loss of the surface is inf; expected a finite number",
        ),
        (
            refusal(samples(2), |s| s.alignments[0] = -2.0, figure4),
            "an alignment of panel 1 (`gauss/an_uncommonly_long_name_of_an_experiment`) is -2; expected a number from -1 to 1",
        ),
        (refusal(samples(2), |s| s.notes[0] = "$x".to_owned(), figure4), "label `$x`: `$` is missing at the end"),
        (
            refusal(vectors(&[2, 2], 4), |v| v.tensors[0].len = 3, eigenvectors),
            "the tensors, all blocks together, has 5 entries; expected 4 (entries of each vector)",
        ),
        (
            refusal(vectors(&[2, 2], 4), |v| v.vectors.clear(), eigenvectors),
            "the eigenvectors: nothing to draw; expected at least one vector",
        ),
        (
            refusal(sample_overlaps(2, &[3]), |o| o.alignments.truncate(5), overlaps),
            "alignments has 5 entries; expected 3 (number of eigenvectors times number of samples)",
        ),
        (
            refusal(sample_cosines(&[2]), |c| c.cosines.truncate(3), coherence),
            "cosines has 3 entries; expected 4 (the square of the number of rows)",
        ),
        (
            refusal(sample_cosines(&[2]), |c| c.threshold = 0.0, coherence),
            "the threshold of the colours is 0; expected a number between 0 and 1",
        ),
        (
            refusal(sample_cosines(&[2]), |c| c.classes[0].len = 0, coherence),
            "the length of block `block 0` of the classes of the coherence is 0; expected 1 or more",
        ),
        (
            refusal(logit_cosines(2, &[1]), |c| c.logits.clear(), logit_coherence),
            "the logit coherence: nothing to draw; expected at least one logit",
        ),
        (
            refusal(vec![], |s: &mut Vec<NamedSpectrum>| s.clear(), |s| spectra("", s)),
            "the spectra: nothing to draw; expected at least one spectrum",
        ),
        (
            refusal(vec![named_spectrum("a", 3); 13], |_| {}, |s| spectra("", s)),
            "the number of spectra in one picture is 13; expected at most 12",
        ),
        (
            refusal(vec![curve("a")], |c| c[0].density[3] = f64::NAN, |c| density_curves("", c)),
            "a value of the density of `a` is NaN; expected a finite number",
        ),
        (
            refusal(vec![curve("a")], |c| c[0].density.fill(0.0), |c| density_curves("", c)),
            "the largest density is 0; expected a positive number",
        ),
        (
            refusal(vec![layer("fc1", 1.0, [0.0, 1.0])], |l| l[0].ends = [2.0, 1.0], |l| layers("", l)),
            "the smallest eigenvalue of layer `fc1` is 2; expected a number that is not above the largest",
        ),
        (
            refusal(mapped(), |r| r.extra[0].values[0] = 3.0, maps),
            "a value of map `$r_1$` of row 1 (`gauss`) is 3; expected a number from -1 to 1",
        ),
        (
            refusal(mapped(), |r| r.extra[1].lines.clear(), maps),
            "map `reconstructed boundary` of row 1 (`gauss`): nothing to draw; expected at least one value or line",
        ),
    ];
    for (got, wanted) in cases {
        assert_eq!(got, wanted);
    }
}

#[test]
fn bad_input_of_curves_estimates_and_surfaces_is_refused_with_the_place_named() {
    let panels = |p: &Vec<CurvePanel>| curve_panels("curves", p);
    let estimates = |g: &Vec<IntervalGroup>| intervals("claims", g, [-1.0, 1.0], &[0.0], "effect");
    let cases = [
        (refusal(curves(), Vec::clear, panels), "curves: nothing to draw; expected at least one panel"),
        (
            refusal(curves(), |p| p[0].curves[1].points[0][1] = f64::NAN, panels),
            "a point of `cross-class part` in `sharpness` is NaN; expected a finite number",
        ),
        (
            refusal(claims(), |g| g[1].rows.clear(), estimates),
            "the group `$G_\\theta$ against accuracy`: nothing to draw; expected at least one row",
        ),
        (
            refusal(claims(), |g| g[0].rows[0].estimate = Some([0.5, 0.6, 0.4]), estimates),
            "the interval of `over all` is 0.6..0.4; expected the lower end first",
        ),
        (
            refusal(valley(true), |v| v.surface.losses[3] = 0.0, landscape),
            "a loss of the logarithmic surface is 0; expected a positive number",
        ),
        (
            refusal(valley(true), |v| v.accuracies = Some(vec![0.5]), landscape),
            "accuracies has 1 entries; expected 961 (one for each loss)",
        ),
    ];
    for (got, wanted) in cases {
        assert_eq!(got, wanted);
    }
}
