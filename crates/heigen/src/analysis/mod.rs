//! Measures of the decision boundary from the curvature: alignment, generalization, coherence, the plane.

mod assignment;
mod attribution;
mod boundary;
mod boundary_crossing;
mod boundary_distance;
mod boundary_search;
mod by_layer;
mod causes;
mod clustering;
mod coherence;
mod collapse;
mod complexity;
mod directions;
mod embedding;
mod encoding;
mod follow;
mod generalization;
mod margin;
mod matching;
mod outliers;
mod plane;
mod reconstruct;
mod solve;
mod subspaces;
mod summary;
mod surface;
mod switches;
mod watched;

pub use attribution::{
    BoundaryPiece, CarriedBoundary, Fate, MovedBoundary, PieceFate, REACH, STILL, carried_boundary, moved_boundary,
};
pub use boundary::decision_boundary;
pub use boundary_distance::{BoundaryPoint, boundary_distances};
pub use by_layer::{ByLayerError, LayerCurvature, LayerGroup, WRITTEN_OUT, by_layer, layer_groups, named_groups};
pub use causes::{Cause, LikelyCause, likely_causes};
pub use clustering::cluster_order;
pub use coherence::{class_order, cosine_similarities, logit_order};
pub use collapse::{ClassStatistics, CollapseError, InputOfOutput, class_statistics, input_of_output};
pub use complexity::{BoundaryComplexity, STRAIGHT, boundary_complexity};
pub use directions::{TrajectoryError, TrajectoryPlane, filter_normalised, trajectory_plane};
pub use embedding::{EmbeddingError, PERPLEXITY, principal_components, t_sne, trustworthiness};
pub use encoding::{SignEncoding, sign_encoding};
pub use follow::{
    Look, LookError, LookOptions, Preconditioned, Step, look, preconditioned_sharpness, share_in, subspace_overlap,
};
pub use generalization::{
    Definition, FIGURE_4_EPS, FIXED_EPS, GTheta, RandomThreshold, Rule, alignments, count_aligned, per_vector,
    random_threshold,
};
pub use margin::{MarginError, MarginEstimate, MarginOptions, MarginStart, margin_estimate};
pub use matching::{Identities, Link, Matching, match_eigenvectors};
pub use outliers::{GapCount, Outliers};
pub use plane::Plane;
pub use reconstruct::{ReconstructError, reconstructed_boundary};
pub use subspaces::SubspaceAlignments;
pub use summary::{Analysis, Summary, analyze, analyze_in};
pub use surface::{LossSurface, SurfaceError, SurfaceGrid, loss_surface};
pub use switches::{ClassSwitches, SwitchOptions, Switches, class_switches};
