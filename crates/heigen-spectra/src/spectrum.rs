//! The spectrum of an operator, by one of two ways, certified.

use crate::exact::of_compressed;
use crate::linalg::{EigenError, Matrix, Scalar, complement, par, product, self_adjoint_eigen, self_adjoint_eigen_of};
use crate::operator::Split;
use crate::operators::gather;
use crate::penalised::{Explained, Penalised, penalised};
use crate::size::size_in_words;
use crate::{
    Certificate, Exact, Failure, NotCertified, Space, Stopped, SymmetricOperator, Watch, certify_together, dense,
    exact, stage,
};
use std::cmp::Ordering;
use std::ops::Range;

/// Eigenvalues of magnitude at most this fraction of the largest one count as zero: they belong to the null space.
pub const NULL_TOLERANCE: f64 = 1e-10;

/// The magnitude that float32 rounding may give to an eigenvalue that is zero, in units of sqrt(P) eps of the largest
/// one.
const ROUNDING: f64 = 4.0;

/// How to compute a spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// [`Method::Exact`] where the rank turns out to be small, else [`Method::Dense`].
    Auto,
    /// Finds the range of A, projects A onto it and solves the small eigenproblem; no P x P matrix is formed.
    Exact,
    /// Forms the P x P matrix and decomposes it.
    Dense,
}

impl Method {
    /// The name of the method on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Exact => "exact",
            Self::Dense => "dense",
        }
    }
}

/// Eigenvalues and eigenvectors of a symmetric operator; B is the type of a block of vectors [P, k] in their home.
#[derive(Clone, Debug)]
pub struct Spectrum<B> {
    /// All P eigenvalues, ascending; those of the null space that were not computed are exact zeros, and those that only a
    /// multiple of the identity gives ([`Spectrum::on_complement`]) are exactly that multiple. If the matrix is zero as far as can
    /// be told ([`Certificate::vanishes`]), all are exact zeros and there are no eigenvectors.
    pub eigenvalues: Vec<f64>,
    /// [P, k], columns ascending with their eigenvalues; the sign is such that the entry of largest magnitude is positive.
    /// The basis of a repeated eigenvalue is arbitrary.
    pub eigenvectors: B,
    /// For every column of `eigenvectors`, the index of its eigenvalue in `eigenvalues`.
    pub places: Vec<usize>,
    /// The method that was used: [`Method::Exact`] or [`Method::Dense`].
    pub method: Method,
    /// The error bounds that show how accurate this spectrum is.
    pub certificate: Certificate,
    /// The rounding unit of the vectors' type: 2^-52 for float64.
    pub epsilon: f64,
    /// Where the operator is mu D on everything that the eigenvectors do not span, with D the identity on some coordinates.
    pub on_complement: Option<OnComplement>,
}

/// A multiple of the identity on some coordinates, mu D.
#[derive(Clone, Debug, PartialEq)]
pub struct OnComplement {
    /// mu.
    pub shift: f64,
    /// The coordinates: ascending ranges that do not touch each other.
    pub coordinates: Vec<Range<usize>>,
    /// Number of directions that no eigenvector spans and in which the operator is mu.
    pub count: usize,
}

/// Why there is no spectrum.
#[derive(Debug, thiserror::Error)]
pub enum SpectrumError {
    /// The dense matrix would not fit into the memory that may be used.
    #[error(
        "the {n_params} x {n_params} matrix and its eigenvectors need {}, {} are available; \
         ask for the largest eigenvalues only, or for a part of the parameters",
        size_in_words(gib * 2f64.powi(30)),
        size_in_words(limit_gib * 2f64.powi(30))
    )]
    TooLarge {
        /// P.
        n_params: usize,
        /// Memory needed, in GiB.
        gib: f64,
        /// Memory that may be used, in GiB.
        limit_gib: f64,
    },
    /// The rank is too large for [`Method::Exact`]: the range finder stopped before it had found the whole range.
    #[error("the rank is larger than {columns} of {n_params}, more than the exact way follows")]
    HighRank {
        /// Columns of the range that were found.
        columns: usize,
        /// P.
        n_params: usize,
    },
    /// [`Method::Exact`] was asked for in float32.
    #[error("the exact way needs float64: float32 leaves too few digits between the smallest eigenvalues and rounding")]
    NeedsFloat64,
    /// A product or an operation on vectors failed, or the watch stopped the computation.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The certificate does not hold.
    #[error(
        "{found}{}",
        if *single { ": float32 has too few digits for this matrix, float64 has more" } else { "" }
    )]
    NotCertified {
        /// The number that is beyond its limit.
        found: NotCertified,
        /// The method that found the eigenpairs.
        method: Method,
        /// Whether vectors were in float32.
        single: bool,
    },
}

impl From<EigenError> for SpectrumError {
    fn from(error: EigenError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stopped> for SpectrumError {
    fn from(stopped: Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

impl<B> Spectrum<B> {
    /// Largest magnitude of an eigenvalue.
    pub fn scale(&self) -> f64 {
        self.eigenvalues.iter().map(|l| l.abs()).fold(0.0, f64::max)
    }

    /// The magnitude up to which eigenvalues count as zero: 1e-10 |lambda|_max ([`NULL_TOLERANCE`]), or the magnitude
    /// that float32 rounding gives to a zero eigenvalue, whichever is larger.
    pub fn zero(&self) -> f64 {
        let relative = NULL_TOLERANCE.max(ROUNDING * self.epsilon * (self.eigenvalues.len() as f64).sqrt());
        self.scale() * relative
    }

    /// Whether an eigenvalue counts as nonzero.
    pub fn is_nonzero(&self, eigenvalue: f64) -> bool {
        eigenvalue.abs() > self.zero()
    }

    /// Number of nonzero eigenvalues.
    pub fn rank(&self) -> usize {
        let zero = self.zero();
        self.eigenvalues.iter().filter(|l| l.abs() > zero).count()
    }

    /// Sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.eigenvalues.iter().sum()
    }

    /// lambda_1, the largest eigenvalue.
    pub fn lambda_max(&self) -> f64 {
        self.eigenvalues.last().copied().unwrap_or(0.0)
    }
}

impl<T: Scalar> Spectrum<Matrix<T>> {
    /// The `k` largest eigenvalues that have a column, largest first, and their eigenvectors [P, k] in that order.
    pub fn top(&self, k: usize) -> (Vec<f64>, Matrix<T>) {
        let have = self.eigenvectors.columns;
        let columns: Vec<usize> = (have.saturating_sub(k)..have).rev().collect();
        let values = columns.iter().map(|&c| self.eigenvalues[self.places[c]]).collect();
        (values, self.eigenvectors.select_columns(&columns))
    }

    /// Adds an arbitrary basis of the null space, so that the eigenvectors become a basis of R^P, of P x P numbers.
    ///
    /// # Errors
    /// [`EigenError::Memory`] if there is no room for the workspace.
    pub fn complete(&mut self) -> Result<(), EigenError> {
        let p = self.eigenvalues.len();
        if self.places.len() == p {
            return Ok(());
        }
        let mut null = complement(&self.eigenvectors)?;
        let shift = self.on_complement.as_ref().map_or(0.0, |shifted| shifted.shift);
        if let Some(shifted) = &self.on_complement
            && shifted.count < null.columns
        {
            // D leaves the complement invariant: its eigenvectors there have the eigenvalues 0 and 1.
            let inside = gather(&null, &shifted.coordinates);
            let pairs = self_adjoint_eigen(&inside.gram())?;
            let mut turned = Matrix::zeros(p, null.columns);
            product(turned.as_mut(), null.as_ref(), pairs.eigenvectors.as_ref(), par());
            null = turned;
        }
        // The complement's columns are in the order of D, first 0, then 1; all columns go to the places of their
        // eigenvalues.
        let inside = self.on_complement.as_ref().map_or(0, |shifted| shifted.count);
        let outside = null.columns - inside;
        let known = (0..self.places.len()).map(|c| (self.eigenvalues[self.places[c]], Some(c), 0));
        let rest = (0..null.columns).map(|c| (if c < outside { 0.0 } else { shift }, None, c));
        let mut columns: Vec<(f64, Option<usize>, usize)> = known.chain(rest).collect();
        // A stable order: of equal eigenvalues, those of the complement come first, as they do in `places`.
        columns
            .sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(Ordering::Equal).then(a.1.is_some().cmp(&b.1.is_some())));
        let column = |&(_, known, other): &(f64, Option<usize>, usize)| match known {
            Some(c) => self.eigenvectors.column(c),
            None => null.column(other),
        };
        let data = columns.iter().flat_map(column).copied().collect();
        self.eigenvectors = Matrix { data, rows: p, columns: p };
        self.places = (0..p).collect();
        self.on_complement = None;
        Ok(())
    }

    /// Removes the eigenvectors of eigenvalues that count as zero.
    pub fn drop_null_space(&mut self) {
        let zero = self.zero();
        let keep: Vec<usize> =
            (0..self.places.len()).filter(|&c| self.eigenvalues[self.places[c]].abs() > zero).collect();
        if keep.len() < self.places.len() {
            self.eigenvectors = self.eigenvectors.select_columns(&keep);
            self.places = keep.iter().map(|&c| self.places[c]).collect();
        }
    }
}

/// The whole spectrum of `operator`, certified.
///
/// With [`Method::Auto`] the range finder is followed up to half of P columns, as far as memory holds them; if the range is
/// larger, the dense way is taken, and where memory does not hold that either, the error is [`SpectrumError::TooLarge`].
/// The dense way forms the matrix in host memory and decomposes it in float64, whatever the type of the products.
/// `limit_bytes` is the memory that may be used, by each of the pieces that vectors are spread over ([`Space::pieces`]). `watch` is asked between products; a dense eigenproblem, which cannot be
/// stopped, is announced with its size.
///
/// # Errors
/// [`SpectrumError`] if the method asked for does not suit the operator, if memory would be exceeded, if a product
/// fails, if `watch` stops it, or if the certificate does not hold.
///
/// ```
/// use heigen_spectra::{DenseOperator, Method, linalg::Matrix, spectrum};
/// // The second difference on 50 points: lambda_i = 4 sin^2(pi i / 102).
/// let laplacian = Matrix::from_fn(50, 50, |i, j| [2.0, -1.0, 0.0][i.abs_diff(j).min(2)]);
/// let found = spectrum(&DenseOperator(laplacian), Method::Auto, 1e9, &mut ())?;
/// let wanted = 4.0 * (50.0 * std::f64::consts::PI / 102.0).sin().powi(2);
/// assert!((found.lambda_max() - wanted).abs() < 1e-13);
/// assert!(found.certificate.residual_max < 1e-12);
/// # Ok::<(), heigen_spectra::SpectrumError>(())
/// ```
pub fn spectrum<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    method: Method,
    limit_bytes: f64,
    watch: &mut dyn Watch,
) -> Result<Spectrum<S::Block>, SpectrumError> {
    let space = operator.space();
    let p = space.len();
    let single = space.epsilon() > NULL_TOLERANCE;
    if single && method == Method::Exact {
        return Err(SpectrumError::NeedsFloat64);
    }
    if method != Method::Dense && !single {
        let split = operator.split()?;
        let most = if method == Method::Auto { p.div_ceil(2) } else { p };
        let most = most.min(columns_within(limit_bytes, &space));
        let found = match &split {
            Some(split) => by_range(&*split.rest, most, limit_bytes, watch)?,
            None => by_range(operator, most, limit_bytes, watch)?,
        };
        match found {
            Exact::LowRank { eigenvalues, eigenvectors } => {
                if let Some(split) = &split {
                    let exact_trace = operator.exact_trace();
                    return with_penalty(&space, split, &eigenvalues, eigenvectors, exact_trace, watch);
                }
                watch.tell(stage::CERTIFICATE, 0, Some(eigenvalues.len() as u64), "columns")?;
                let certificate = certify_together(operator, &eigenvalues, &eigenvectors, watch)?;
                return finish(&space, &eigenvalues, eigenvectors, Method::Exact, certificate, None);
            }
            Exact::HighRank(columns) if method == Method::Exact => {
                return Err(SpectrumError::HighRank { columns, n_params: p });
            }
            Exact::HighRank(_) => {}
        }
    }
    let bytes = 4.0 * (p as f64).powi(2) * size_of::<f64>() as f64;
    if bytes > limit_bytes {
        let gib = f64::from(1u32 << 30);
        return Err(SpectrumError::TooLarge { n_params: p, gib: bytes / gib, limit_gib: limit_bytes / gib });
    }
    let matrix = dense(operator, watch)?;
    watch.tell(stage::EIGENPROBLEM, 0, Some(p as u64), "columns")?;
    let pairs = space.threads().run(|| self_adjoint_eigen_of(matrix))?;
    watch.tell(stage::CERTIFICATE, 0, Some(p as u64), "columns")?;
    let eigenvectors = space.to_home(pairs.eigenvectors)?;
    let certificate = certify_together(operator, &pairs.eigenvalues, &eigenvectors, watch)?;
    finish(&space, &pairs.eigenvalues, eigenvectors, Method::Dense, certificate, None)
}

/// The eigenpairs of an operator from its range: from the range that its structure tells, or else from the one that is found
/// with products of its cheapest form. `most` is the largest number of columns.
fn by_range<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    most: usize,
    limit_bytes: f64,
    watch: &mut dyn Watch,
) -> Result<Exact<S::Block>, Failure> {
    if let Some(compressed) = operator.compressed(limit_bytes, watch)? {
        return of_compressed(&operator.space(), compressed, watch);
    }
    match operator.written_out(limit_bytes / 2.0, watch)? {
        // The written-out form has half of the memory.
        Some(cheap) => exact(&*cheap, most.min(columns_within(limit_bytes / 2.0, &operator.space())), watch),
        None => exact(operator, most, watch),
    }
}

/// Number of columns that the way by the range can follow in so many bytes of each piece: it holds three blocks of them.
fn columns_within<S: Space>(bytes: f64, space: &S) -> usize {
    (bytes * space.pieces() as f64 / (3.0 * space.len() as f64 * space.entry_bytes() as f64)) as usize
}

/// The spectrum of `split` from the eigenpairs of its rest.
fn with_penalty<S: Space>(
    space: &S,
    split: &Split<'_, S>,
    eigenvalues: &[f64],
    eigenvectors: S::Block,
    exact_trace: Option<f64>,
    watch: &mut dyn Watch,
) -> Result<Spectrum<S::Block>, SpectrumError> {
    let Penalised { eigenvalues, eigenvectors, complement } = penalised(space, split, eigenvalues, eigenvectors)?;
    watch.tell(stage::CERTIFICATE, 0, Some(eigenvalues.len() as u64), "columns")?;
    let vectors = &eigenvectors;
    let explained = Explained { split, rest: &*split.rest, vectors };
    let certificate = certify_together(&explained, &eigenvalues, &eigenvectors, watch)?;
    let more = split.shift * complement[0] as f64;
    let certificate = certificate.with_complement(more, exact_trace);
    let (shift, coordinates) = (split.shift, split.coordinates.clone());
    let on_complement = OnComplement { shift, coordinates, count: complement[0] };
    finish(space, &eigenvalues, eigenvectors, Method::Exact, certificate, Some(on_complement))
}

/// Puts K <= P eigenpairs, in ascending order, in their places among all P eigenvalues; the other eigenvalues are those of
/// `on_complement`, and exact zeros.
fn finish<S: Space>(
    space: &S,
    known: &[f64],
    mut eigenvectors: S::Block,
    method: Method,
    certificate: Certificate,
    on_complement: Option<OnComplement>,
) -> Result<Spectrum<S::Block>, SpectrumError> {
    let (p, k, epsilon) = (space.len(), known.len(), space.epsilon());
    let single = epsilon > NULL_TOLERANCE;
    certificate.check(known).map_err(|found| SpectrumError::NotCertified { found, method, single })?;
    if certificate.vanishes && on_complement.is_none() {
        let (eigenvalues, eigenvectors, places) = (vec![0.0; p], space.zeros(0)?, vec![]);
        return Ok(Spectrum { eigenvalues, eigenvectors, places, method, certificate, epsilon, on_complement });
    }
    // The entry of largest magnitude of every column becomes positive, so that pictures of one network look alike.
    let largest = space.largest_entries(space.all(&eigenvectors))?;
    let signs: Vec<f64> = largest.iter().map(|&x| if x < 0.0 { -1.0 } else { 1.0 }).collect();
    space.scale_columns(&mut eigenvectors, &signs)?;
    let (shift, count) = on_complement.as_ref().map_or((0.0, 0), |s| (s.shift, s.count));
    // The eigenvalues of the complement that come before a known one: all that are not larger.
    let before = |l: f64| if l < 0.0 { 0 } else { p - k - count } + if l < shift { 0 } else { count };
    let places: Vec<usize> = known.iter().enumerate().map(|(i, &l)| i + before(l)).collect();
    let mut eigenvalues = vec![0.0; p - k - count];
    eigenvalues.resize(p - k, shift);
    eigenvalues.extend_from_slice(known);
    // A stable order: of equal eigenvalues, those of the complement come first.
    eigenvalues.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    Ok(Spectrum { eigenvalues, eigenvectors, places, method, certificate, epsilon, on_complement })
}
