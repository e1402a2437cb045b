//! The figures that there are.

use super::{Drawing, Shown, embedding, plane};
use crate::session::Session;
use anyhow::Result;
use heigen_figures::{Scene, figure2, figure3, figure5, figure6};
use heigen_store::catalogue::Loaded;

/// A figure that can be drawn.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its number in the paper, or its name.
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// The paper's experiments.
    pub(crate) experiments: &'static [&'static str],
    /// How many eigenvectors, where the command line does not say.
    pub(crate) eigenvectors: u16,
    /// Refuses experiments that it cannot show, before anything is trained.
    pub(crate) check: fn(&Session, &Loaded, &str) -> Result<()>,
    pub(crate) draw: fn(&Session, &[Shown], &Drawing) -> Result<Scene>,
}

pub(crate) const FIGURES: [Figure; 5] = [
    Figure {
        name: "2",
        what: "decision boundary and maps of the alignment with v_1..v_5, for experiments on the plane",
        experiments: &["gauss/normal_training"],
        eigenvectors: 5,
        check: plane::check,
        draw: |session, shown, how| Ok(figure2(&plane::rows(session, shown, how, plane::Aside::None)?)?),
    },
    Figure {
        name: "3",
        what: "the same for three minima of one network, v_1..v_7, with eigenvalue densities and outliers",
        experiments: &["gauss/normal_training", "gauss/adversarial_init_training", "gauss/large_norm_training"],
        eigenvectors: 7,
        check: plane::check,
        draw: |session, shown, how| Ok(figure3(&plane::rows(session, shown, how, plane::Aside::Density)?)?),
    },
    Figure {
        name: "5",
        what: "simplicity bias and margin: two minima of one checkerboard, v_1..v_3, x_b and the extreme points",
        experiments: &[
            "gauss_checkerboard_linear/normal_training_close",
            "gauss_checkerboard_linear/noisy_init_training_close",
        ],
        eigenvectors: 3,
        check: plane::check,
        draw: |session, shown, how| Ok(figure5(&plane::rows(session, shown, how, plane::Aside::Margin)?)?),
    },
    Figure {
        name: "6",
        what: "t-SNE of the training images by class and by alignment with v_1..v_5, with eigenvalue densities",
        experiments: &["mnist2D/normal_training_c017", "mnist2D/adversarial_init_training_c017"],
        eigenvectors: 5,
        check: embedding::check,
        draw: |_, shown, how| Ok(figure6(&embedding::rows(shown, how)?)?),
    },
    Figure {
        name: "extra",
        what: "the row of Figure 2 for five data sets",
        experiments: &[
            "gauss/normal_training",
            "circle/normal_training",
            "half_moon/normal_training",
            "hierachical/normal_training",
            "gauss_checkerboard_linear/noisy_init_training_close",
        ],
        eigenvectors: 5,
        check: plane::check,
        draw: |session, shown, how| Ok(figure2(&plane::rows(session, shown, how, plane::Aside::None)?)?),
    },
];

/// The figure of that name, also as `fig3` or `figure3`.
pub(crate) fn find(name: &str) -> Option<&'static Figure> {
    let plain = name.strip_prefix("figure").or_else(|| name.strip_prefix("fig")).unwrap_or(name);
    FIGURES.iter().find(|f| f.name == plain || f.name == name)
}

/// Names of all figures, for messages.
pub(crate) fn names() -> String {
    FIGURES.iter().map(|f| f.name).collect::<Vec<_>>().join(", ")
}
