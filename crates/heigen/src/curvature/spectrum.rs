//! The spectrum of an operator, by one of two ways, certified.

use super::{Certificate, Exact, NotCertified, SymmetricOperator, certify, dense, exact};
use crate::linalg::{EigenError, Eigenpairs, Matrix, Scalar, complement, self_adjoint_eigen};

/// Eigenvalues within this fraction of the largest magnitude count as zero: the null space.
pub const NULL_TOLERANCE: f64 = 1e-10;

/// What float32 leaves of a zero eigenvalue, in units of sqrt(P) eps.
const ROUNDING: f64 = 4.0;

/// How to compute a spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// [`Method::Exact`] where the rank turns out to be small, else [`Method::Dense`].
    Auto,
    /// Range, projection, small eigenproblem; no P x P matrix.
    Exact,
    /// The P x P matrix and its eigendecomposition.
    Dense,
}

impl Method {
    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Dense => "dense",
        }
    }
}

/// Eigenvalues and eigenvectors of a symmetric operator.
#[derive(Clone, Debug)]
pub struct Spectrum<T> {
    /// All P eigenvalues, ascending; those of the null space that were not computed are exact zeros.
    pub eigenvalues: Vec<T>,
    /// [P, k], columns ascending with their eigenvalues; the sign is such that the entry of largest magnitude is positive.
    /// The basis of a repeated eigenvalue is arbitrary.
    pub eigenvectors: Matrix<T>,
    /// Place in `eigenvalues` of every column.
    pub places: Vec<usize>,
    /// [`Method::Exact`] or [`Method::Dense`].
    pub method: Method,
    /// What vouches for it.
    pub certificate: Certificate,
}

/// Why there is no spectrum.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SpectrumError {
    /// The dense matrix would not fit.
    #[error(
        "the {n_params} x {n_params} matrix and its eigenvectors need {gib:.1} GiB, {limit_gib:.1} GiB are available; \
         ask for the largest eigenvalues only, or for a part of the parameters"
    )]
    TooLarge {
        /// P.
        n_params: usize,
        /// Needed.
        gib: f64,
        /// Allowed.
        limit_gib: f64,
    },
    /// The range did not end.
    #[error(
        "the rank is larger than {columns} of {n_params}, more than the exact way follows; use --method auto or dense"
    )]
    HighRank {
        /// Columns found.
        columns: usize,
        /// P.
        n_params: usize,
    },
    /// The exact way in float32.
    #[error(
        "the exact way needs float64: float32 leaves too few digits between the smallest eigenvalues and rounding; \
         use --dtype float64, or --method dense"
    )]
    NeedsFloat64,
    /// The eigenproblem failed.
    #[error(transparent)]
    Eigen(#[from] EigenError),
    /// The certificate does not hold.
    #[error(transparent)]
    NotCertified(#[from] NotCertified),
}

/// Progress of a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Products so far that write the operator out by its structure, and how many it takes.
    Structure(usize, usize),
    /// Columns of the basis of the range so far.
    Range(usize),
    /// Columns of the projected matrix so far.
    Projection(usize),
    /// Columns of the dense matrix so far.
    Dense(usize),
    /// The eigenproblem of the projected or the dense matrix, of that size.
    Eigen(usize),
    /// Eigenvectors from those of the projected matrix.
    Vectors,
    /// The certificate.
    Certificate,
}

impl<T: Scalar> Spectrum<T> {
    /// Largest magnitude of an eigenvalue.
    pub fn scale(&self) -> f64 {
        self.eigenvalues.iter().map(|l| l.to_f64().abs()).fold(0.0, f64::max)
    }

    /// Magnitude up to which eigenvalues count as zero: 1e-10 |lambda|_max ([`NULL_TOLERANCE`]), or what float32
    /// rounding leaves of zero.
    pub fn zero(&self) -> f64 {
        zero(&self.eigenvalues)
    }

    /// Whether an eigenvalue counts as nonzero.
    pub fn is_nonzero(&self, eigenvalue: T) -> bool {
        eigenvalue.to_f64().abs() > self.zero()
    }

    /// Number of nonzero eigenvalues.
    pub fn rank(&self) -> usize {
        let zero = self.zero();
        self.eigenvalues.iter().filter(|l| l.to_f64().abs() > zero).count()
    }

    /// Sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.eigenvalues.iter().map(|l| l.to_f64()).sum()
    }

    /// lambda_1, the largest eigenvalue.
    pub fn lambda_max(&self) -> f64 {
        self.eigenvalues.last().map_or(0.0, |l| l.to_f64())
    }

    /// The `k` largest eigenvalues that have a column, largest first, and their eigenvectors [P, k] in that order.
    pub fn top(&self, k: usize) -> (Vec<T>, Matrix<T>) {
        let have = self.eigenvectors.columns;
        let columns: Vec<usize> = (have.saturating_sub(k)..have).rev().collect();
        let values = columns.iter().map(|&c| self.eigenvalues[self.places[c]]).collect();
        (values, self.eigenvectors.select_columns(&columns))
    }

    /// Completes the eigenvectors to a basis of R^P by an arbitrary one of the null space: P x P numbers.
    ///
    /// # Errors
    /// [`EigenError::Memory`] if there is no room for the workspace.
    pub fn complete(&mut self) -> Result<(), EigenError> {
        let p = self.eigenvalues.len();
        if self.places.len() == p {
            return Ok(());
        }
        let null = complement(&self.eigenvectors)?;
        let negative = self.places.iter().take_while(|&&i| self.eigenvalues[i] < T::ZERO).count();
        let split = negative * p;
        let tail = self.eigenvectors.data.split_off(split);
        self.eigenvectors.data.extend_from_slice(&null.data);
        self.eigenvectors.data.extend_from_slice(&tail);
        self.eigenvectors.columns = p;
        self.places = (0..p).collect();
        Ok(())
    }

    /// Leaves the eigenvectors of nonzero eigenvalues only.
    pub fn drop_null_space(&mut self) {
        let zero = self.zero();
        let keep: Vec<usize> =
            (0..self.places.len()).filter(|&c| self.eigenvalues[self.places[c]].to_f64().abs() > zero).collect();
        if keep.len() < self.places.len() {
            self.eigenvectors = self.eigenvectors.select_columns(&keep);
            self.places = keep.iter().map(|&c| self.places[c]).collect();
        }
    }
}

fn zero<T: Scalar>(eigenvalues: &[T]) -> f64 {
    let scale = eigenvalues.iter().map(|l| l.to_f64().abs()).fold(0.0, f64::max);
    scale * NULL_TOLERANCE.max(ROUNDING * T::EPSILON * (eigenvalues.len() as f64).sqrt())
}

/// The whole spectrum of `operator`, certified.
///
/// With [`Method::Auto`] the range finder is followed up to half of P columns; if the range is larger, the dense way is
/// taken. In float32 the matrix is built in float32 and always decomposed in float64. `limit_bytes` is the memory that may be used.
///
/// # Errors
/// [`SpectrumError`] if the way asked for does not lead there, before memory is exceeded, or the certificate fails.
pub fn spectrum<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    method: Method,
    limit_bytes: f64,
    mut progress: impl FnMut(Stage),
) -> Result<Spectrum<T>, SpectrumError> {
    let p = operator.n_params();
    let single = T::EPSILON > NULL_TOLERANCE;
    if single && method == Method::Exact {
        return Err(SpectrumError::NeedsFloat64);
    }
    if method != Method::Dense && !single {
        let memory = limit_bytes / (3.0 * p as f64 * size_of::<T>() as f64);
        let most = if method == Method::Auto { p.div_ceil(2) } else { p };
        let most = most.min(memory as usize);
        let cheap = operator.written_out(limit_bytes / 2.0, &mut progress);
        let found = match &cheap {
            Some(cheap) => exact(&**cheap, most, &mut progress)?,
            None => exact(operator, most, &mut progress)?,
        };
        match found {
            Exact::LowRank { eigenvalues, eigenvectors } => {
                progress(Stage::Certificate);
                let certificate = certify(operator, cheap.as_deref(), &eigenvalues, &eigenvectors);
                return finish(&eigenvalues, eigenvectors, Method::Exact, certificate);
            }
            Exact::HighRank(columns) if method == Method::Exact => {
                return Err(SpectrumError::HighRank { columns, n_params: p });
            }
            Exact::HighRank(_) => {}
        }
    }
    let bytes = 4.0 * (p as f64).powi(2) * size_of::<T>() as f64;
    if bytes > limit_bytes {
        let gib = f64::from(1u32 << 30);
        return Err(SpectrumError::TooLarge { n_params: p, gib: bytes / gib, limit_gib: limit_bytes / gib });
    }
    let matrix = dense(operator, |columns| progress(Stage::Dense(columns)));
    progress(Stage::Eigen(p));
    let pairs = if single { eigen_in_double(&matrix)? } else { self_adjoint_eigen(&matrix)? };
    drop(matrix);
    progress(Stage::Certificate);
    let certificate = certify(operator, None, &pairs.eigenvalues, &pairs.eigenvectors);
    finish(&pairs.eigenvalues, pairs.eigenvectors, Method::Dense, certificate)
}

/// The eigenpairs of a float32 matrix by float64 arithmetic: the iteration stays clear of the rounding of the entries.
fn eigen_in_double<T: Scalar>(matrix: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let (rows, columns) = (matrix.rows, matrix.columns);
    let wide = Matrix { data: matrix.data.iter().map(|x| x.to_f64()).collect(), rows, columns };
    let pairs = self_adjoint_eigen(&wide)?;
    let narrow = |v: &[f64]| v.iter().map(|&x| T::from_f64(x)).collect::<Vec<T>>();
    let eigenvectors = Matrix { data: narrow(&pairs.eigenvectors.data), rows, columns };
    Ok(Eigenpairs { eigenvalues: narrow(&pairs.eigenvalues), eigenvectors })
}

/// Puts K <= P ascending pairs in place among all P eigenvalues; the rest are exact zeros.
fn finish<T: Scalar>(
    known: &[T],
    mut eigenvectors: Matrix<T>,
    method: Method,
    certificate: Certificate,
) -> Result<Spectrum<T>, SpectrumError> {
    let (p, k) = (eigenvectors.rows, known.len());
    certificate.check(known.iter().map(|l| l.to_f64().abs()).fold(0.0, f64::max))?;
    fix_signs(&mut eigenvectors);
    let negative = known.iter().filter(|&&l| l < T::ZERO).count();
    let places: Vec<usize> = (0..k).map(|i| if i < negative { i } else { i + p - k }).collect();
    let mut eigenvalues = vec![T::ZERO; p];
    places.iter().zip(known).for_each(|(&place, &l)| eigenvalues[place] = l);
    Ok(Spectrum { eigenvalues, eigenvectors, places, method, certificate })
}

/// The first entry of largest magnitude of every column becomes positive, so that pictures of one network look alike.
fn fix_signs<T: Scalar>(vectors: &mut Matrix<T>) {
    for j in 0..vectors.columns {
        let column = vectors.column_mut(j);
        let magnitude = |x: T| if x < T::ZERO { -x } else { x };
        let largest = column.iter().fold(T::ZERO, |l: T, &x| if magnitude(x) > magnitude(l) { x } else { l });
        if largest < T::ZERO {
            column.iter_mut().for_each(|x| *x = -*x);
        }
    }
}
