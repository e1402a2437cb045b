//! The part of an operator that comes from the samples, and the part that comes from the penalty of weight decay.

use super::{OperatorKind, fisher, ggn, remainder};
use crate::curvature::factored::Factored;
use crate::curvature::passes::Destination;
use crate::curvature::problem::Penalty;
use crate::curvature::{Compressed, Failure, Host, Problem, Split, SymmetricOperator, Watch, hessian, known_range};
use crate::linalg::{Matrix, Scalar};
use std::num::NonZeroUsize;

/// Types with a larger distance from 1 to the next number are single precision.
pub(super) const SINGLE: f64 = 1e-12;

/// An operator of a problem without the penalty of weight decay.
#[derive(Clone, Copy, Debug)]
pub(in crate::curvature) struct OfSamples<'a, T> {
    pub(in crate::curvature) problem: &'a Problem<'a, T>,
    pub(in crate::curvature) kind: OperatorKind,
    pub(in crate::curvature) batch: Option<NonZeroUsize>,
}

impl<'a, T: Scalar> OfSamples<'a, T> {
    pub(in crate::curvature) fn of(problem: &'a Problem<'a, T>, kind: OperatorKind) -> Self {
        Self { problem, kind, batch: None }
    }

    /// mu and the decaying coordinates, as far as the penalty belongs to this kind of operator.
    fn penalty(&self) -> Option<&'a Penalty> {
        self.problem.penalty().filter(|_| self.kind != OperatorKind::FunctionalRemainder)
    }

    pub(in crate::curvature) fn penalised_apply(&self, v: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        self.apply(v, out)?;
        if self.penalty().is_some() {
            self.problem.add_penalty(&v.data, &mut out.data);
        }
        Ok(())
    }

    pub(in crate::curvature) fn penalised_trace(&self) -> Option<f64> {
        let more = self.penalty().map_or(0.0, |penalty| penalty.mu * penalty.on.len() as f64);
        self.exact_trace().map(|trace| trace + more)
    }

    pub(in crate::curvature) fn penalised_recomputed(
        &self,
        v: &Matrix<T>,
        trial: u32,
    ) -> Result<Option<Matrix<T>>, Failure> {
        let Some(mut out) = self.recomputed(v, trial)? else { return Ok(None) };
        if self.penalty().is_some() {
            self.problem.add_penalty(&v.data, &mut out.data);
        }
        Ok(Some(out))
    }

    /// The operator in float32, where it is one in float64.
    pub(in crate::curvature) fn into_coarse(self) -> Option<Box<dyn SymmetricOperator<Host<f32>> + 'a>> {
        let Self { problem, kind, batch } = self;
        (T::EPSILON < SINGLE).then(|| -> Box<dyn SymmetricOperator<Host<f32>>> {
            Box::new(OfProblem { problem: problem.in_type::<f32>(), kind, batch })
        })
    }

    /// The operator written out, where it is one without a penalty whose structure is known.
    pub(in crate::curvature) fn into_written_out(
        self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Host<T>> + 'a>>, Failure> {
        if self.kind != OperatorKind::Hessian || self.batch.is_some() {
            return Ok(None);
        }
        let factored = Factored::of(self.problem, self.problem.space(), limit_bytes, watch)?;
        Ok(factored.map(|f| Box::new(f) as Box<dyn SymmetricOperator<Host<T>>>))
    }

    /// The operator on a space that holds its range, where its structure tells one.
    pub(in crate::curvature) fn into_compressed(
        self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Compressed<Host<T>>>, Failure> {
        if self.batch.is_some() || T::EPSILON > SINGLE {
            return Ok(None);
        }
        known_range::compressed(self.problem, self.problem.space(), self.kind, limit_bytes, watch)
    }

    pub(in crate::curvature) fn split(self) -> Option<Split<'a, Host<T>>> {
        let penalty = self.penalty()?;
        let coordinates = penalty.on.ranges().to_vec();
        Some(Split { rest: Box::new(self), shift: penalty.mu, coordinates })
    }
}

/// The product of the operator of this kind with directions, where no sample depends on another.
pub(super) fn product<T: Scalar>(
    problem: &Problem<'_, T>,
    kind: OperatorKind,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    match kind {
        OperatorKind::Hessian => hessian::apply(problem, batch, directions, to),
        OperatorKind::GaussNewton => ggn::apply(problem, batch, directions, to),
        OperatorKind::EmpiricalFisher => fisher::apply(problem, batch, directions, to),
        OperatorKind::FunctionalRemainder => remainder::apply(problem, batch, directions, to),
    }
}

/// Numbers in float64, in directions that are compared with products in float32, that are held at a time.
const WIDE: usize = 1 << 24;

/// The columns of directions [P, K] that go through the network in float64 at a time, where products in float32 are compared with those.
/// They follow from P alone.
pub(super) fn wide_columns(n_params: usize) -> usize {
    (WIDE / n_params.max(1)).max(1)
}

impl<T: Scalar> SymmetricOperator<Host<T>> for OfSamples<'_, T> {
    fn space(&self) -> Host<T> {
        self.problem.space().clone()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        let problem = self.problem;
        let batch = self.batch.filter(|size| size.get() < problem.n_samples());
        if let Some(size) = batch.filter(|_| problem.network().couples_samples()) {
            return super::batched::apply(problem, self.kind, size, directions, out);
        }
        product(problem, self.kind, batch, directions, Destination::Everyone(out))
    }

    fn exact_trace(&self) -> Option<f64> {
        match self.kind {
            OperatorKind::Hessian => self.problem.hessian_trace(),
            OperatorKind::GaussNewton => self.problem.gauss_newton_trace(),
            OperatorKind::EmpiricalFisher => self.problem.fisher_trace(),
            OperatorKind::FunctionalRemainder => self.problem.remainder_trace(),
        }
    }

    fn rounding(&self) -> f64 {
        self.problem.rounding()
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Host<T>> + '_>>, Failure> {
        self.into_written_out(limit_bytes, watch)
    }

    fn compressed(&self, limit_bytes: f64, watch: &mut dyn Watch) -> Result<Option<Compressed<Host<T>>>, Failure> {
        self.into_compressed(limit_bytes, watch)
    }

    /// In float64 the product in arithmetic that rounds otherwise ([`Perturbed`](crate::model::Perturbed)); in float32 the
    /// product in float64, of which there is one trial.
    fn recomputed(&self, directions: &Matrix<T>, trial: u32) -> Result<Option<Matrix<T>>, Failure> {
        let Self { kind, batch, .. } = *self;
        if T::EPSILON < SINGLE {
            let problem = &self.problem.rounding_otherwise(trial);
            return OfSamples { problem, kind, batch }.product(directions).map(Some);
        }
        if trial > 0 {
            return Ok(None);
        }
        let problem = &self.problem.in_type::<f64>();
        let mut out = Matrix::zeros(directions.rows, 0);
        for columns in directions.data.chunks(directions.rows.max(1) * wide_columns(directions.rows)) {
            let data: Vec<f64> = columns.iter().map(|v| v.to_f64()).collect();
            let wide = Matrix { columns: data.len() / directions.rows.max(1), data, rows: directions.rows };
            let product = OfSamples { problem, kind, batch }.product(&wide)?;
            out.data.extend(product.data.into_iter().map(T::from_f64));
            out.columns += product.columns;
        }
        Ok(Some(out))
    }
}

/// Makes a tuple struct of a problem an operator: that of its samples with the penalty of weight decay.
macro_rules! of_problem {
    ($operator:ident, $kind:ident) => {
        impl<T: crate::linalg::Scalar> crate::curvature::SymmetricOperator<crate::curvature::Host<T>>
            for $operator<'_, T>
        {
            crate::curvature::operators::forward!(this, {
                crate::curvature::operators::OfSamples::of(this.0, crate::curvature::OperatorKind::$kind)
            });
        }
    };
}
pub(in crate::curvature) use of_problem;

/// The methods of an operator that is `$parts`, an [`OfSamples`] made of `$this`, with the penalty added.
macro_rules! forward {
    ($this:ident, $parts:expr) => {
        fn space(&self) -> crate::curvature::Host<T> {
            let $this = self;
            $parts.space()
        }

        fn apply(
            &self,
            directions: &crate::linalg::Matrix<T>,
            out: &mut crate::linalg::Matrix<T>,
        ) -> Result<(), crate::curvature::Failure> {
            let $this = self;
            $parts.penalised_apply(directions, out)
        }

        fn exact_trace(&self) -> Option<f64> {
            let $this = self;
            $parts.penalised_trace()
        }

        fn rounding(&self) -> f64 {
            let $this = self;
            $parts.rounding()
        }

        fn split(
            &self,
        ) -> Result<Option<crate::curvature::Split<'_, crate::curvature::Host<T>>>, crate::curvature::Failure> {
            let $this = self;
            Ok($parts.split())
        }

        fn coarse(
            &self,
        ) -> Result<
            Option<Box<dyn crate::curvature::SymmetricOperator<crate::curvature::Host<f32>> + '_>>,
            crate::curvature::Failure,
        > {
            let $this = self;
            Ok($parts.into_coarse())
        }

        fn recomputed(
            &self,
            directions: &crate::linalg::Matrix<T>,
            trial: u32,
        ) -> Result<Option<crate::linalg::Matrix<T>>, crate::curvature::Failure> {
            let $this = self;
            $parts.penalised_recomputed(directions, trial)
        }

        fn written_out(
            &self,
            limit_bytes: f64,
            watch: &mut dyn crate::curvature::Watch,
        ) -> Result<
            Option<Box<dyn crate::curvature::SymmetricOperator<crate::curvature::Host<T>> + '_>>,
            crate::curvature::Failure,
        > {
            let $this = self;
            // With a penalty the spectrum is found from the parts of `split`.
            let parts = $parts;
            if parts.split().is_some() { Ok(None) } else { parts.into_written_out(limit_bytes, watch) }
        }

        fn compressed(
            &self,
            limit_bytes: f64,
            watch: &mut dyn crate::curvature::Watch,
        ) -> Result<Option<crate::curvature::Compressed<crate::curvature::Host<T>>>, crate::curvature::Failure> {
            let $this = self;
            let parts = $parts;
            if parts.split().is_some() { Ok(None) } else { parts.into_compressed(limit_bytes, watch) }
        }
    };
}
pub(in crate::curvature) use forward;

/// An operator with a problem of its own.
struct OfProblem<'a, T> {
    problem: Problem<'a, T>,
    kind: OperatorKind,
    batch: Option<NonZeroUsize>,
}

impl<T: Scalar> SymmetricOperator<Host<T>> for OfProblem<'_, T> {
    forward!(this, OfSamples { problem: &this.problem, kind: this.kind, batch: this.batch });
}
