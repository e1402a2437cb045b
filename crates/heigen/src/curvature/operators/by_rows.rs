//! The operators of a problem for vectors whose rows are spread over the pieces of a computation.

use super::OperatorKind;
use super::of_samples::{OfSamples, SINGLE, product, wide_columns};
use crate::curvature::factored::Factored;
use crate::curvature::passes::Destination;
use crate::curvature::problem::Penalty;
use crate::curvature::{
    Columns, Compressed, Failure, Problem, Space, Split, Spread, SymmetricOperator, Watch, known_range,
};
use crate::linalg::{Matrix, Scalar};

/// An operator of a problem whose samples are dealt to pieces ([`Problem::dealt`]), for directions whose rows are dealt to the same pieces
/// ([`Spread`]): the Hessian, or one of the others, with the penalty of weight decay.
///
/// A product gathers the directions, a group of up to four at a time, works on the samples of this piece, and hands each row of the
/// result to its owner. The sums over samples are those of the fixed tree, so that the bytes are those of the operator of this kind on
/// one piece.
///
/// # Shapes
/// Symmetric, [P, P]; products take this piece's rows of [P, K] to its rows of [P, K].
///
/// # Cost
/// The operations of the operator's kind, shared by samples. Every piece sends, and receives, P (pieces - 1) / pieces numbers for each
/// direction that is gathered, and as many for each of its parts of the sum: one part where the number of pieces is a power of two, else up to
/// 2 log2(leaves). So of the 2 P numbers that vectors on every piece take up and down the tree a piece sends no more, and nobody waits for
/// a tree. Memory beside the spread vectors: the group of directions while products are computed, 4 P numbers at most, and one sum of the
/// same size for each part, with one more for every doubling of a piece's leaves.
///
/// ```
/// use heigen::config::{Activation, LossKind};
/// use heigen::curvature::{Alone, ByRows, Hessian, OperatorKind, Problem, Space, SymmetricOperator};
/// use heigen::{data, config::DatasetSpec, model::Network};
/// use std::sync::Arc;
/// let samples = data::generate(&DatasetSpec::Intro {})?;
/// let network = Network::fully_connected(&[1, 4, 3], Activation::Tanh)?;
/// let theta = vec![0.1; network.n_params()];
/// let problem = Problem::<f64>::new(&network, &theta, &samples, LossKind::CrossEntropy)?.dealt(Arc::new(Alone))?;
/// let spread = ByRows::new(&problem, OperatorKind::Hessian);
/// // The only piece has all rows.
/// let v = spread.space().random(0, 0..2, heigen::curvature::Law::Gaussian)?;
/// assert_eq!(spread.product(&v)?, Hessian(&problem).product(&v)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ByRows<'a, T> {
    problem: Held<'a, T>,
    kind: OperatorKind,
    /// Whether the penalty of weight decay is a part of it.
    penalised: bool,
    space: Spread<T>,
}

/// A problem of the caller's, or one of the operator's own.
#[derive(Debug)]
enum Held<'a, T> {
    Lent(&'a Problem<'a, T>),
    Own(Box<Problem<'a, T>>),
}

impl<'a, T: Scalar> ByRows<'a, T> {
    /// The operator of this kind over the pieces that the problem's samples were dealt to.
    pub fn new(problem: &'a Problem<'a, T>, kind: OperatorKind) -> Self {
        let space = Spread::on(problem.n_params(), problem.connection(), problem.space().threads());
        Self { problem: Held::Lent(problem), kind, penalised: true, space }
    }

    fn problem(&self) -> &Problem<'a, T> {
        match &self.problem {
            Held::Lent(problem) => problem,
            Held::Own(problem) => problem,
        }
    }

    /// The operator of another problem, without its penalty.
    fn of<U: Scalar>(&self, problem: Problem<'a, U>) -> ByRows<'a, U> {
        let problem = Held::Own(Box::new(problem));
        ByRows { problem, kind: self.kind, penalised: false, space: self.space.in_type() }
    }

    /// mu and the decaying coordinates, as far as the penalty is a part of the operator.
    fn penalty(&self) -> Option<&Penalty> {
        let belongs = self.penalised && self.kind != OperatorKind::FunctionalRemainder;
        self.problem().penalty().filter(|_| belongs)
    }

    /// Adds the product of the penalty with this piece's rows.
    fn add_penalty(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        let Some(Penalty { mu, on }) = self.penalty() else { return };
        let (mu, rows) = (T::from_f64(*mu), self.space.rows());
        for j in 0..directions.columns {
            let (v, out) = (directions.column(j), out.column_mut(j));
            for range in on.ranges() {
                let (from, to) = (range.start.max(rows.start), range.end.min(rows.end));
                if from < to {
                    let own = from - rows.start..to - rows.start;
                    out[own.clone()].iter_mut().zip(&v[own]).for_each(|(out, &v)| *out += mu * v);
                }
            }
        }
    }
}

impl<T: Scalar> SymmetricOperator<Spread<T>> for ByRows<'_, T> {
    fn space(&self) -> Spread<T> {
        self.space.clone()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        product(self.problem(), self.kind, None, directions, Destination::Owners(&self.space, out))?;
        self.add_penalty(directions, out);
        Ok(())
    }

    fn exact_trace(&self) -> Option<f64> {
        let of_samples = OfSamples::of(self.problem(), self.kind);
        if self.penalised { of_samples.penalised_trace() } else { of_samples.exact_trace() }
    }

    fn rounding(&self) -> f64 {
        self.problem().rounding()
    }

    fn split(&self) -> Result<Option<Split<'_, Spread<T>>>, Failure> {
        let Some(Penalty { mu, on }) = self.penalty() else { return Ok(None) };
        let problem = Held::Lent(self.problem());
        let rest = ByRows { problem, kind: self.kind, penalised: false, space: self.space.clone() };
        Ok(Some(Split { rest: Box::new(rest), shift: *mu, coordinates: on.ranges().to_vec() }))
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Spread<T>> + '_>>, Failure> {
        // With a penalty the spectrum is found from the parts of `split`.
        if self.kind != OperatorKind::Hessian || self.penalty().is_some() {
            return Ok(None);
        }
        let factored = Factored::of(self.problem(), &self.space, limit_bytes, watch)?;
        Ok(factored.map(|f| Box::new(f) as Box<dyn SymmetricOperator<Spread<T>>>))
    }

    fn compressed(&self, limit_bytes: f64, watch: &mut dyn Watch) -> Result<Option<Compressed<Spread<T>>>, Failure> {
        if self.penalty().is_some() || T::EPSILON > SINGLE {
            return Ok(None);
        }
        known_range::compressed(self.problem(), &self.space, self.kind, limit_bytes, watch)
    }

    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<Spread<f32>> + '_>>, Failure> {
        if T::EPSILON > SINGLE {
            return Ok(None);
        }
        let coarse = ByRows { penalised: self.penalised, ..self.of(self.problem().in_type::<f32>()) };
        Ok(Some(Box::new(coarse)))
    }

    /// As that of the operators on every piece: in float64 with other rounding, in float32 once in float64.
    fn recomputed(&self, directions: &Matrix<T>, trial: u32) -> Result<Option<Matrix<T>>, Failure> {
        let mut out = if T::EPSILON < SINGLE {
            self.of(self.problem().rounding_otherwise(trial)).product(directions)?
        } else if trial > 0 {
            return Ok(None);
        } else {
            let wide = self.of(self.problem().in_type::<f64>());
            let mut out = self.space.zeros(0)?;
            for first in (0..directions.columns).step_by(wide_columns(self.space.len())) {
                let range = first..(first + wide_columns(self.space.len())).min(directions.columns);
                let some = self.space.copy(Columns { block: directions, range })?;
                let data = some.data.iter().map(|v| v.to_f64()).collect();
                let product = wide.product(&Matrix { data, rows: some.rows, columns: some.columns })?;
                out.data.extend(product.data.into_iter().map(T::from_f64));
                out.columns += product.columns;
            }
            out
        };
        self.add_penalty(directions, &mut out);
        Ok(Some(out))
    }
}
