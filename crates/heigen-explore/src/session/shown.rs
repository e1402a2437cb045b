//! The weights that a session shows, and what it has computed and sends about them.

use super::{Gone, Outgoing, Session, Stale};
use crate::deep::{Basis, Found, Job, Point, Told};
use crate::picture::{Fineness, picture};
use crate::protocol::{Answer, Array, Axis, View, frame};
use heigen::train::Training;
use serde_json::{Value, json};
use std::sync::Arc;

impl Session<'_> {
    /// Has everything computed that is wanted at the present weights.
    pub(super) fn ask_all(&self, training: &Training) {
        let current = self.basis.as_ref().is_some_and(|basis| basis.version == self.version);
        // Eigenvectors of the training's own weights come first: users move along them.
        let look = if current { self.point(training) } else { self.resting_point(training) };
        self.deep.ask(Job::Look(look));
        if self.whole {
            self.deep.ask(Job::Whole(self.point(training)));
        }
        self.ask_of_basis(training);
    }

    /// Has computed what needs the eigenvectors of the training's weights.
    pub(super) fn ask_of_basis(&self, training: &Training) {
        let Some(basis) = self.basis.as_ref().filter(|basis| basis.version == self.version) else { return };
        let point = self.resting_point(training);
        if let Some(axes) = self.surface {
            let reach = basis.reach(training.theta());
            let length = |axis| match axis {
                Axis::Vector(index) => reach.get(index).copied().unwrap_or(1.0),
                Axis::Random => reach.first().copied().unwrap_or(1.0),
            };
            self.deep.ask(Job::Surface(point.clone(), axes, axes.map(length)));
        }
        if self.pieces {
            self.deep.ask(Job::Pieces(point));
        }
    }

    /// Takes a result of the other thread.
    pub(super) fn found(&mut self, found: Found, stale: &mut Stale) -> Result<(), Gone> {
        let late = found.version != self.version;
        if let Some(basis) = found.basis.filter(|basis| basis.vectors.rows == self.ground.network.n_params()) {
            let first = self.basis.as_ref().is_none_or(|before| before.version != basis.version);
            let fewer =
                |before: &Arc<Basis>| before.version == basis.version && before.vectors.columns > basis.vectors.columns;
            // A look at weights whose whole spectrum is known finds nothing new.
            if !self.basis.as_ref().is_some_and(fewer) {
                self.basis = Some(basis);
            }
            if !late && !self.playing {
                stale.quick |= self.view != View::Classes || self.moved();
                stale.fine |= stale.quick;
                stale.of_basis |= first;
            }
        }
        match found.told {
            Told::Text(answer @ (Answer::Look(_) | Answer::Error(_))) => self.say(self.with_reach(answer)),
            // Results that belong to weights of the past are of no use, but looks are points of a curve.
            _ if late => Ok(()),
            Told::Text(answer) => self.say(self.with_reach(answer)),
            Told::Surface(header, values) => {
                self.post(Outgoing::Frame(frame(header, vec![("values", Array::F32(values))])))
            }
        }
    }

    /// Adds to a look or a spectrum how far each of the known vectors is worth going.
    fn with_reach(&self, answer: Answer) -> Answer {
        let Some(basis) = &self.basis else { return answer };
        let add = |mut value: Value| {
            value["basis"] = json!({
                "version": basis.version,
                "epoch": basis.epoch,
                "eigenvalues": basis.eigenvalues,
                "reach": basis.reach(&self.ground.start),
            });
            value
        };
        match answer {
            Answer::Look(value) => Answer::Look(add(value)),
            Answer::Spectrum(value) => Answer::Spectrum(add(value)),
            other => other,
        }
    }

    /// Whether other weights are shown than those of the training.
    pub(super) fn moved(&self) -> bool {
        self.basis.is_some() && (self.random != 0.0 || self.along.iter().any(|&t| t != 0.0))
    }

    /// The weights that are shown, `[P]`.
    pub(super) fn shown(&self, training: &Training) -> Vec<f64> {
        let mut theta: Vec<f64> = training.theta().iter().map(|&w| f64::from(w)).collect();
        let Some(basis) = &self.basis else { return theta };
        let steps =
            self.along.iter().enumerate().map(|(i, &t)| (Axis::Vector(i), t)).chain([(Axis::Random, self.random)]);
        for (axis, t) in steps.filter(|(_, t)| *t != 0.0) {
            if let Some(direction) = basis.direction(axis) {
                theta.iter_mut().zip(direction).for_each(|(w, v)| *w += t * v);
            }
        }
        theta
    }

    /// The weights that are shown, as a point for jobs.
    pub(super) fn point(&self, training: &Training) -> Point {
        Point {
            ground: Arc::clone(&self.ground),
            theta: Arc::new(self.shown(training)),
            version: self.version,
            moved: self.moved(),
            epoch: training.epochs_done(),
            since: self.since,
            before: self.basis.clone(),
            preconditioner: training.preconditioner().map(Arc::new),
        }
    }

    /// The weights of the training, as a point for jobs.
    pub(super) fn resting_point(&self, training: &Training) -> Point {
        let theta = training.theta().iter().map(|&w| f64::from(w)).collect();
        Point { theta: Arc::new(theta), moved: false, ..self.point(training) }
    }

    /// Goes back to the weights of the training.
    pub(super) fn come_back(&mut self) {
        self.along.clear();
        self.random = 0.0;
    }

    pub(super) fn send_picture(&mut self, training: &Training, fineness: Fineness) -> Result<(), Gone> {
        let theta = self.shown(training);
        let basis = self.basis.as_ref().filter(|basis| basis.vectors.rows == theta.len());
        let vector = match self.view {
            View::Alignment { vector } => basis.and_then(|basis| basis.direction(Axis::Vector(vector))),
            _ => None,
        };
        match picture(&self.ground, &theta, self.view, vector, fineness, &self.threads) {
            Ok((mut header, arrays)) => {
                self.pictures += 1;
                header["is"] = "picture".into();
                header["picture"] = self.pictures.into();
                header["since"] = self.since.into();
                header["epoch"] = training.epochs_done().into();
                header["version"] = self.version.into();
                header["moved"] = self.moved().into();
                header["fine"] = (fineness == Fineness::Fine).into();
                self.post(Outgoing::Frame(frame(header, arrays)))
            }
            Err(error) => self.say(Answer::error(None, error)),
        }
    }
}
