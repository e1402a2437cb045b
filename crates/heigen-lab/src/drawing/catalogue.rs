//! The figures of the paper, and the kinds of pictures of any experiment.

use super::landscape::PlaneDirections;
use super::{Drawing, MapVectors, Shown, diagnostics, embedding, line, plane, samples};
use crate::LabError;
use crate::call::Call;
use crate::prepare::Prepared;
use heigen_figures::{Scene, figure1, figure2, figure3, figure5, figure6, loss_surface};
use heigen_store::catalogue::Loaded;

/// A figure that can be drawn.
#[derive(Debug)]
pub struct Figure {
    /// The number of the figure in the paper, or its name.
    pub name: &'static str,
    /// A description of what the figure shows.
    pub what: &'static str,
    /// The experiments that the paper shows in this figure; empty for pictures that are drawn of any experiments.
    pub experiments: &'static [&'static str],
    /// The number of eigenvectors where the request gives none; `None` where the number depends on the classes.
    pub eigenvectors: Option<usize>,
    /// Whether each experiment has a picture of its own.
    pub each: bool,
    /// Whether the figure shows measures of the boundary.
    pub(crate) boundary: bool,
    /// Refuses experiments that the figure cannot show, before anything is trained.
    pub(crate) check: fn(&Call, &Loaded, &str) -> Result<(), LabError>,
    pub(crate) draw: Draw,
}

/// A function that draws whole spectra with their analyses.
pub(crate) type DrawSpectra = fn(&Call, &[Shown], &Drawing) -> Result<Scene, LabError>;

/// The kind of results that a figure is drawn from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    /// Whole spectra with their analyses.
    Spectra(DrawSpectra),
    /// Whole spectra with their analyses, as maps of the plane of inputs.
    Maps,
    /// The loss over a plane in parameter space: of the eigenvectors of whole spectra, by this function, or of directions that
    /// follow from the weights alone.
    Plane(DrawSpectra),
    /// The eigenvalues of mini-batches, at the weights alone.
    Batches,
    /// Parts of spectra, which are also to be had of networks too large for a whole one.
    Parts(Part),
}

/// The results that a drawing is made from, once its options are known.
pub(super) enum Source {
    /// Whole spectra with their analyses, by this function.
    Spectra(DrawSpectra),
    /// Weights and samples alone.
    Weights(OfWeights),
    /// Parts of spectra.
    Parts(Part),
}

/// The pictures for which weights and samples are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OfWeights {
    /// The loss over a plane.
    Plane,
    /// The distribution over mini-batches.
    Batches,
}

/// The options that only some figures have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnOptions {
    /// None.
    None,
    /// The choice of directions, and a map that is put together from alignments: [`Drawing::vectors`], [`Drawing::reconstructed`].
    Maps,
    /// [`Drawing::surface`].
    Plane,
    /// [`Drawing::batches`].
    Batches,
}

/// The part of spectra that a figure shows which does not need whole ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Eigenvalues, all or the largest ones, of several networks in one picture.
    Eigenvalues,
    /// Densities of eigenvalues, several in one picture.
    Densities,
    /// Numbers of every layer.
    Layers,
}

const GAUSS: &[&str] = &["gauss/normal_training", "gauss/adversarial_init_training", "gauss/large_norm_training"];
const CHECKERBOARD: &[&str] =
    &["gauss_checkerboard_linear/normal_training_close", "gauss_checkerboard_linear/noisy_init_training_close"];
const MNIST: &[&str] = &["mnist2D/normal_training_c017", "mnist2D/adversarial_init_training_c017"];
const FIVE: &[&str] = &[
    "gauss/normal_training",
    "circle/normal_training",
    "half_moon/normal_training",
    "hierachical/normal_training",
    "gauss_checkerboard_linear/noisy_init_training_close",
];

/// The figures of the paper.
pub const FIGURES: [Figure; 12] = [
    Figure {
        name: "1",
        what: "a network of one input: logits, gradients, alignment with v_1 and v_2, data, spectrum, loss surface",
        experiments: &["intro1D/normal_training"],
        eigenvectors: Some(2),
        each: true,
        boundary: false,
        check: line::check,
        draw: Draw::Spectra(draw_line),
    },
    Figure {
        name: "2",
        what: "decision boundary and maps of the alignment with v_1..v_5, for experiments on the plane",
        experiments: &["gauss/normal_training"],
        eigenvectors: Some(5),
        each: false,
        boundary: false,
        check: plane::check,
        draw: Draw::Maps,
    },
    Figure {
        name: "3",
        what: "the same for three minima of one network, v_1..v_7, with eigenvalue densities and outliers",
        experiments: GAUSS,
        eigenvectors: Some(7),
        each: false,
        boundary: false,
        check: plane::check,
        draw: Draw::Spectra(|call, shown, how| Ok(figure3(&plane::rows(call, shown, how, plane::Aside::Density)?)?)),
    },
    Figure {
        name: "4",
        what: "alignment of every training sample with the leading eigenvectors, 8 a class, for three minima",
        experiments: GAUSS,
        eigenvectors: None,
        each: false,
        boundary: false,
        check: embedding::check,
        draw: Draw::Spectra(|_, shown, how| samples::draw(shown, how)),
    },
    Figure {
        name: "5",
        what: "simplicity bias and margin: two minima of one checkerboard, v_1..v_3, x_b and the extreme points",
        experiments: CHECKERBOARD,
        eigenvectors: Some(3),
        each: false,
        boundary: true,
        check: plane::check,
        draw: Draw::Spectra(|call, shown, how| Ok(figure5(&plane::rows(call, shown, how, plane::Aside::Margin)?)?)),
    },
    Figure {
        name: "6",
        what: "t-SNE of the training images by class and by alignment with v_1..v_5, with eigenvalue densities",
        experiments: MNIST,
        eigenvectors: Some(5),
        each: false,
        boundary: false,
        check: embedding::check,
        draw: Draw::Spectra(|call, shown, how| Ok(figure6(&embedding::rows(call, shown, how)?)?)),
    },
    Figure {
        name: "extra",
        what: "the row of Figure 2 for five data sets",
        experiments: FIVE,
        eigenvectors: Some(5),
        each: false,
        boundary: false,
        check: plane::check,
        draw: Draw::Maps,
    },
    diagnostic("spectrum", "all eigenvalues and their density, of normal training", any, |_, s, how| {
        diagnostics::spectrum(&s[0], how)
    }),
    diagnostic("eigenvectors", "entries of v_1..v_5, tensor by tensor, of normal training", any, |_, s, how| {
        diagnostics::eigenvectors(&s[0], how)
    }),
    diagnostic(
        "overlaps",
        "alignments of all training samples with v_1..v_25, of normal training",
        any,
        |_, s, how| diagnostics::overlaps(&s[0], how),
    ),
    diagnostic(
        "coherence",
        "cosines of all pairs of per-example loss gradients, of normal training",
        any,
        |_, s, how| diagnostics::coherence(&s[0], how),
    ),
    diagnostic("logit-coherence", "the same of the gradients of every logit", any, |_, s, how| {
        diagnostics::logit_coherence(&s[0], how)
    }),
];

/// The kinds of pictures that can be drawn of any experiments.
pub const PLOTS: [Figure; 15] = [
    plot("line", "Figure 1, of networks of one input", true, line::check, draw_line),
    Figure {
        draw: Draw::Maps,
        ..plot("planes", "Figure 2, one row an experiment on the plane", false, plane::check, draw_planes)
    },
    plot(
        "attribution",
        "the boundary by the eigenvectors that carry it, and where it goes along each",
        false,
        plane::check,
        plane::carried,
    ),
    plot("samples", "Figure 4, one panel an experiment", false, embedding::check, |_, s, how| samples::draw(s, how)),
    plot("embedding", "Figure 6, one row an experiment", false, embedding::check, |call, shown, how| {
        Ok(figure6(&embedding::rows(call, shown, how)?)?)
    }),
    plot("spectrum", "all eigenvalues and their density, outliers marked", true, any, |_, s, how| {
        diagnostics::spectrum(&s[0], how)
    }),
    parts(
        "spectra",
        "the eigenvalues of several experiments in one picture, of large networks the largest ones",
        false,
        Part::Eigenvalues,
    ),
    parts(
        "density",
        "estimated densities of the spectra of any networks, large ones too, in one picture",
        false,
        Part::Densities,
    ),
    parts("layers", "share of the trace, largest and smallest eigenvalue of every layer's block", true, Part::Layers),
    plot("eigenvectors", "entries of the leading eigenvectors, tensor by tensor", true, any, |_, s, how| {
        diagnostics::eigenvectors(&s[0], how)
    }),
    plot(
        "overlaps",
        "alignments of all training samples with the leading eigenvectors",
        true,
        embedding::check,
        |_, s, how| diagnostics::overlaps(&s[0], how),
    ),
    plot(
        "coherence",
        "cosines of all pairs of per-example loss gradients, by class",
        true,
        with_classes,
        |_, s, how| diagnostics::coherence(&s[0], how),
    ),
    plot("logit-coherence", "the same of the gradients of every logit", true, with_classes, |_, s, how| {
        diagnostics::logit_coherence(&s[0], how)
    }),
    Figure {
        draw: Draw::Plane(|call, s, how| Ok(loss_surface(&line::surface_of(call, &s[0], how)?)?)),
        ..parts(
            "surface",
            "the loss over a plane: of v_1 and v_2, of random directions, of a training",
            true,
            Part::Eigenvalues,
        )
    },
    Figure {
        draw: Draw::Batches,
        ..parts("minibatches", "lambda_1 over mini-batches, against that of all samples", true, Part::Eigenvalues)
    },
];

/// A picture of a single run, of the kinds that the reference draws of each of its runs.
const fn diagnostic(
    name: &'static str,
    what: &'static str,
    check: fn(&Call, &Loaded, &str) -> Result<(), LabError>,
    draw: DrawSpectra,
) -> Figure {
    Figure { experiments: &["gauss/normal_training"], ..plot(name, what, true, check, draw) }
}

impl Draw {
    /// The function that draws whole spectra, if the figure can be drawn of them.
    pub(crate) fn spectra(self) -> Option<DrawSpectra> {
        match self {
            Self::Spectra(draw) | Self::Plane(draw) => Some(draw),
            Self::Maps => Some(draw_planes),
            Self::Batches | Self::Parts(_) => None,
        }
    }
}

impl Figure {
    /// The results that the figure is drawn from with these options.
    pub(super) fn source(&self, drawing: &Drawing) -> Source {
        match self.draw {
            Draw::Spectra(draw) => Source::Spectra(draw),
            Draw::Maps => Source::Spectra(draw_planes),
            Draw::Plane(draw) if drawing.surface.directions == PlaneDirections::Eigenvectors => Source::Spectra(draw),
            Draw::Plane(_) => Source::Weights(OfWeights::Plane),
            Draw::Batches => Source::Weights(OfWeights::Batches),
            Draw::Parts(part) => Source::Parts(part),
        }
    }

    /// The options that this figure has and most others have not.
    pub fn own_options(&self) -> OwnOptions {
        match self.draw {
            Draw::Spectra(_) | Draw::Parts(_) => OwnOptions::None,
            Draw::Maps => OwnOptions::Maps,
            Draw::Plane(_) => OwnOptions::Plane,
            Draw::Batches => OwnOptions::Batches,
        }
    }

    /// The name of the files, without extension, when the figure shows the paper's experiments.
    pub(crate) fn file(&self) -> String {
        let numbered = self.name.chars().all(|c| c.is_ascii_digit());
        if numbered { format!("figure{}", self.name) } else { format!("figure_{}", self.name) }
    }
}

const fn plot(
    name: &'static str,
    what: &'static str,
    each: bool,
    check: fn(&Call, &Loaded, &str) -> Result<(), LabError>,
    draw: DrawSpectra,
) -> Figure {
    Figure { check, draw: Draw::Spectra(draw), ..parts(name, what, each, Part::Eigenvalues) }
}

/// A picture of any experiments, of which no whole spectrum need be known.
const fn parts(name: &'static str, what: &'static str, each: bool, part: Part) -> Figure {
    let draw = Draw::Parts(part);
    Figure { name, what, experiments: &[], eigenvectors: None, each, boundary: false, check: any, draw }
}

#[allow(clippy::unnecessary_wraps, reason = "one of several checks")]
fn any(_: &Call, _: &Loaded, _: &str) -> Result<(), LabError> {
    Ok(())
}

/// Fails if the samples have no classes to be sorted by.
fn with_classes(call: &Call, loaded: &Loaded, _: &str) -> Result<(), LabError> {
    Prepared::new(call, &loaded.experiment)?.need_classes(&loaded.experiment)
}

fn draw_line(call: &Call, shown: &[Shown], _: &Drawing) -> Result<Scene, LabError> {
    Ok(figure1(&line::line(call, &shown[0])?)?)
}

fn draw_planes(call: &Call, shown: &[Shown], how: &Drawing) -> Result<Scene, LabError> {
    if how.vectors == MapVectors::Top && !how.reconstructed && !how.individual_bars {
        return Ok(figure2(&plane::rows(call, shown, how, plane::Aside::None)?)?);
    }
    plane::maps(call, shown, how)
}

/// The figure named `name`, which may also be written `fig3` or `figure3`.
pub fn find_figure(name: &str) -> Option<&'static Figure> {
    let plain = name.strip_prefix("figure").or_else(|| name.strip_prefix("fig")).unwrap_or(name);
    FIGURES.iter().find(|f| f.name == plain || f.name == name)
}

/// The names of `figures` in one line, for messages.
pub fn figure_names(figures: &[Figure]) -> String {
    figures.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}
