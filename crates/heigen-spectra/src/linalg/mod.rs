//! The narrow door to faer: scalars, a column-major matrix, the matrix product, the self-adjoint eigenproblem.
//!
//! Matrix kernels are faer's; everything else calls them through this module, so that the degree of parallelism, and with
//! it the order of every reduction, is decided in one place.

mod eigen;
mod kernels;
mod matrix;
mod narrow;
mod qr;
mod scalar;
mod tiles;

pub use eigen::{EigenError, Eigenpairs, self_adjoint_eigen};
pub(crate) use eigen::{exponent, self_adjoint_eigen_of, times_power_of_two};
pub use kernels::Kernels;
pub(crate) use kernels::SMALL;
pub use matrix::{Matrix, add_outer, add_product, product, subtract_product, symmetrize};
pub(crate) use narrow::is_combination_shared;
pub use narrow::{Narrow, combine};
pub(crate) use qr::{FactoredRows, Top, magnitudes, par_of};
pub use qr::{complement, orthonormalize};
pub use scalar::Scalar;
pub use tiles::{ROW_TILE, dot, gram_by_tiles, norm, transposed_product_by_tiles};
pub(crate) use tiles::{
    SQUARES, branches, dot_of_node, is_sum_shared, lower_gram_of_node, nodes_within, sum_of_nodes,
    transposed_product_of_node,
};

/// The number of parts that faer may split one operation into. It is a constant and not the number of threads, because
/// the order of reductions follows from it: so results are the same bytes on any number of threads.
const SPLIT: usize = 4;

/// Parallelism of one large operation: split `SPLIT` ways, executed by however many threads the pool has.
pub fn par() -> faer::Par {
    faer::Par::rayon(SPLIT)
}
