//! Measures of the decision boundary from the curvature: alignment, generalization, coherence, the plane.

mod boundary;
mod coherence;
mod embedding;
mod generalization;
mod outliers;
mod plane;
mod subspaces;
mod summary;

pub use boundary::decision_boundary;
pub use coherence::{class_order, cosine_similarities, logit_order};
pub use embedding::{EmbeddingError, PERPLEXITY, principal_components, t_sne, trustworthiness};
pub use generalization::{
    Definition, FIGURE_4_EPS, FIXED_EPS, GTheta, RandomThreshold, Rule, alignments, count_aligned, per_vector,
    random_threshold,
};
pub use outliers::Outliers;
pub use plane::Plane;
pub use subspaces::SubspaceAlignments;
pub use summary::{Analysis, Summary, analyze};
