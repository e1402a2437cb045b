//! What a spectrum costs by each way, estimated before anything is computed.

use super::TopKOptions;
use crate::model::Network;

/// Bytes of a number in float64.
const NUMBER: f64 = 8.0;

/// Products of a certificate.
const CERTIFICATE: f64 = 40.0;

/// The sizes that the cost of a spectrum depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Order of the matrix.
    pub n_params: usize,
    /// P, the number of all parameters, of which the matrix may have only some.
    pub all_params: usize,
    /// N, the number of samples that the loss is over.
    pub n_samples: usize,
    /// C, the number of outputs.
    pub n_outputs: usize,
    /// Number of multiplications with weights in a forward pass of one sample.
    pub multiplications: usize,
}

/// The cost of one way to a spectrum, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bytes of memory for vectors and matrices.
    pub bytes: f64,
    /// Products of the matrix with single directions.
    pub products: f64,
    /// Floating-point operations, those of the products included.
    pub operations: f64,
}

impl Work {
    /// The work of `network` with `n_samples` samples, for the block of `n_params` of its parameters.
    pub fn of(network: &Network, n_params: usize, n_samples: usize) -> Self {
        let (n_outputs, multiplications) = (network.n_outputs(), network.multiplications());
        Self { n_params, all_params: network.n_params(), n_samples, n_outputs, multiplications }
    }

    /// A bound on the rank of the Gauss-Newton matrix, min(P, N C); at a minimum the rank of the Hessian is about that.
    pub fn rank(&self) -> usize {
        self.n_params.min(self.n_samples.saturating_mul(self.n_outputs))
    }

    /// Operations of one product, about 12 N times the multiplications of a forward pass.
    pub fn product(&self) -> f64 {
        12.0 * self.n_samples as f64 * self.multiplications as f64
    }

    /// The whole spectrum from the P x P matrix.
    pub fn dense(&self) -> Cost {
        let p = self.n_params as f64;
        // P products make the matrix, and a few certify its eigenpairs.
        let products = p + CERTIFICATE;
        Cost { bytes: 4.0 * NUMBER * p * p, products, operations: products * self.product() + 9.0 * p.powi(3) }
    }

    /// The whole spectrum of a matrix of rank `rank` from its range.
    pub fn exact(&self, rank: usize) -> Cost {
        let (p, r) = (self.n_params as f64, rank.min(self.n_params) as f64);
        let products = 2.0 * r + CERTIFICATE;
        let operations = products * self.product() + 9.0 * p * r * r + 9.0 * r.powi(3);
        Cost { bytes: 3.0 * NUMBER * p * r, products, operations }
    }

    /// The largest rank that the exact way can follow in `bytes` of memory.
    pub fn exact_rank_within(&self, bytes: f64) -> usize {
        (bytes / (3.0 * NUMBER * self.n_params.max(1) as f64)) as usize
    }

    /// Bytes of what follows from a whole spectrum of which `columns` eigenvectors are known: the eigenvectors, the gradients
    /// of all samples, their alignments, and the directions of what lies outside of the eigenvectors.
    pub fn measures(&self, columns: usize) -> f64 {
        let [p, all, n, k] = [self.n_params, self.all_params, self.n_samples, columns].map(|n| n as f64);
        // Of a block, the gradients are computed by all parameters and then cut.
        let gradients = if self.all_params > self.n_params { (all + p) * n } else { p * n };
        let directions = if p <= n { 3.0 * p * n + 4.0 * p * p } else { p * n + 5.0 * n * n };
        NUMBER * (p * k + gradients.max(p * n + k * n + directions))
    }

    /// `k` eigenpairs by Lanczos, with the usual basis of 10 k + 200 columns and as many products; clustered eigenvalues take
    /// several times as many.
    pub fn lanczos(&self, k: usize) -> Cost {
        let (p, m) = (self.n_params as f64, (10 * k + 200).min(self.n_params) as f64);
        let bytes = TopKOptions::default().bytes(k, self.n_params, size_of::<f64>());
        Cost { bytes, products: m, operations: m * self.product() + 4.0 * p * m * m }
    }

    /// Whether the whole spectrum is out of reach in `bytes` of memory: the matrix does not fit, and the exact way would
    /// follow the range to less than a quarter of the rank that is to be expected.
    pub fn whole_is_out_of_reach(&self, bytes: f64) -> bool {
        self.dense().bytes > bytes && self.exact_rank_within(bytes) < self.rank() / 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_parameters_leave_lanczos_alone() {
        let p = 1_000_000;
        let work = Work { n_params: p, all_params: p, n_samples: 1_000, n_outputs: 10, multiplications: p };
        let memory = 8e9;
        assert!(work.dense().bytes > 1e13 && work.whole_is_out_of_reach(memory));
        assert!(work.exact(work.rank()).bytes > memory && work.lanczos(10).bytes < memory);
        // Three hundred columns are what the exact way could follow, of ten thousand.
        assert_eq!(work.exact_rank_within(memory), 333);
        // A hundred samples have a range that fits.
        assert!(!Work { n_samples: 100, ..work }.whole_is_out_of_reach(memory));
        // Where the matrix fits, the whole spectrum is in reach whatever the rank.
        assert!(!Work { n_params: 10_000, ..work }.whole_is_out_of_reach(memory));
    }

    #[test]
    fn costs_grow_with_what_they_are_of() {
        let work = Work { n_params: 1_000, all_params: 1_000, n_samples: 100, n_outputs: 3, multiplications: 900 };
        assert_eq!((work.rank(), work.dense().products), (300, 1_040.0));
        assert!(work.exact(300).operations < work.dense().operations);
        assert!(work.lanczos(5).operations < work.exact(300).operations);
        // 300 eigenvectors, and the gradients with their alignments and directions outside.
        let numbers = 1_000.0 * 300.0 + 2.0 * 1_000.0 * 100.0 + 300.0 * 100.0 + 5.0 * 100.0 * 100.0;
        assert_eq!(work.measures(300), 8.0 * numbers);
        // The gradients of a small block are cut out of those by all parameters.
        let block = Work { n_params: 10, ..work };
        assert_eq!(block.measures(0), 8.0 * 1_010.0 * 100.0);
    }
}
