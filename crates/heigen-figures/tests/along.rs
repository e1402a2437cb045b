//! Pictures of a training: nothing overlaps, text can be read, the same bytes from run to run, bad input refused.

mod layout;
mod report;

use heigen_figures::{
    Course, FigureError, Scene, SpectraAlong, SubspaceOverlaps, Threshold, Track, spectra_along, subspace_overlaps, svg,
};
use layout::labels;
use report::assert_readable;

fn course(name: &str, of: impl Fn(f64) -> f64) -> Course {
    Course { name: name.to_owned(), points: (0..50).map(|i| [40.0 * f64::from(i), of(f64::from(i))]).collect() }
}

/// A training with eigenvalues that fall, cross, come in and leave.
fn training() -> SpectraAlong {
    let track = |i: usize| Track {
        points: course("", |t| (3.0 / (1.0 + i as f64)) * (-t / (9.0 + i as f64)).exp()).points,
        born: false,
        lowest: i > 10,
    };
    let mut tracks: Vec<Track> = (0..12).map(track).collect();
    tracks[3].points.truncate(20);
    tracks.push(Track { points: vec![[400.0, 0.2], [440.0, 0.25]], born: true, lowest: false });
    tracks.push(Track { points: vec![[800.0, -0.1]], born: true, lowest: true });
    SpectraAlong {
        title: "gauss_checkerboard_linear/noisy_init_training_close".to_owned(),
        along: "epoch".to_owned(),
        tracks,
        threshold: Some(Threshold { formula: r"$(2+2\beta)/\eta$".to_owned(), points: course("", |_| 38.0).points }),
        sharpness: None,
        losses: vec![course("training", |t| (-t / 5.0).exp()), course("validation", |_| 0.4), course("test", |_| 0.0)],
        outliers: course("", |t| if t < 9.0 { 4.0 } else { 2.0 }).points,
    }
}

fn changed(change: impl FnOnce(&mut SpectraAlong)) -> SpectraAlong {
    let mut data = training();
    change(&mut data);
    data
}

fn overlaps(m: usize) -> SubspaceOverlaps {
    SubspaceOverlaps {
        title: "gauss/normal_training".to_owned(),
        along: "epoch".to_owned(),
        moments: (0..m).map(|i| (1_000 * i).to_string()).collect(),
        overlaps: (0..m * m).map(|i| 1.0 / (1.0 + (i / m).abs_diff(i % m) as f64)).collect(),
        k: 10,
    }
}

fn all() -> Result<Vec<Scene>, FigureError> {
    let far = |points: f64| Threshold { formula: r"$2/\eta$".to_owned(), points: vec![[0.0, points], [900.0, points]] };
    let adam = changed(|d| (d.threshold, d.sharpness) = (None, Some(course("preconditioned", |t| 0.02 * t))));
    Ok(vec![
        spectra_along(&training())?,
        spectra_along(&changed(|d| d.threshold = Some(far(1e7))))?,
        spectra_along(&adam)?,
        spectra_along(&changed(|d| (d.losses, d.outliers) = (vec![], vec![])))?,
        spectra_along(&changed(|d| d.outliers.iter_mut().for_each(|p| p[1] = 30.0)))?,
        spectra_along(&changed(|d| d.tracks = vec![Track { points: vec![[0.0, 0.0]], born: false, lowest: false }]))?,
        subspace_overlaps(&overlaps(1))?,
        subspace_overlaps(&overlaps(7))?,
        subspace_overlaps(&overlaps(64))?,
    ])
}

#[test]
fn nothing_overlaps_and_all_text_can_be_read_in_a_report() -> Result<(), FigureError> {
    for scene in all()? {
        assert_eq!(assert_readable(&scene)?, svg(&scene)?);
    }
    Ok(())
}

#[test]
fn legends_say_what_lines_are() -> Result<(), FigureError> {
    let scenes = all()?;
    for (i, wanted) in [
        (0, vec!["training", "validation", "test", "came in", "of the lowest", "(2+2β)/η"]),
        (1, vec!["= 1.00 × 107,", "far above"]),
        (2, vec!["preconditioned", "sharpness"]),
    ] {
        let texts: Vec<String> = labels(&scenes[i].elements).into_iter().map(|(text, _)| text).collect();
        for text in wanted {
            let bare = |t: &str| t.replace([' ', '\u{2009}', '\u{2005}'], "");
            assert!(texts.iter().any(|t| bare(t) == bare(text)), "{text} in {texts:?}");
        }
    }
    Ok(())
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let said = |data: SpectraAlong| spectra_along(&data).map_or_else(|e| e.to_string(), |_| "drawn".to_owned());
    assert_eq!(
        said(changed(|d| d.tracks.clear())),
        "the eigenvalues along the way: nothing to draw; expected at least one eigenvalue"
    );
    assert_eq!(said(changed(|d| d.losses[0].points[3][1] = -1.0)), "a loss along the way is -1; expected 0 or more");
    assert_eq!(
        said(changed(|d| d.tracks[0].points[0][1] = f64::NAN)),
        "an eigenvalue along the way is NaN; expected a finite number"
    );
    let said = |data: SubspaceOverlaps| subspace_overlaps(&data).map_or_else(|e| e.to_string(), |_| "drawn".to_owned());
    assert_eq!(
        said(SubspaceOverlaps { overlaps: vec![1.0; 5], ..overlaps(2) }),
        "overlaps of subspaces has 5 entries; expected 4 (the square of the number of moments)"
    );
    assert_eq!(
        said(SubspaceOverlaps { overlaps: vec![2.0; 4], ..overlaps(2) }),
        "an overlap of subspaces is 2; expected a number from -1 to 1"
    );
    assert!(said(overlaps(0)).contains("at least one moment"));
}
