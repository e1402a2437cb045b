//! The weights that a session shows, and what it has computed and sends about them.

use super::{Gone, Outgoing, Session};
use crate::deep::{Basis, Found, Job, Point, Told};
use crate::picture::{Fineness, Picture, Wanted, picture};
use crate::protocol::{Answer, Array, Axis, View, frame};
use heigen::curvature::ProblemError;
use heigen::train::{Training, UpdateRule};
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
            self.deep.ask(Job::Surface(point.clone(), axes, axes.map(|axis| basis.reach_along(axis))));
        }
        if self.pieces {
            self.deep.ask(Job::Pieces(point));
        }
    }

    /// Takes a result of the other thread.
    pub(super) fn found(&mut self, found: Found) -> Result<(), Gone> {
        let late = found.version != self.version;
        let is_of_use =
            |basis: &Arc<Basis>| basis.version >= self.from && basis.vectors.rows == self.ground.network.n_params();
        if let Some(basis) = found.basis.filter(is_of_use) {
            let before = self.basis.as_ref().filter(|before| before.version == basis.version);
            let first = before.is_none();
            // A look at weights whose whole spectrum is known finds nothing new.
            if !before.is_some_and(|before| before.whole && !basis.whole) {
                self.basis = Some(basis);
            }
            if !late && !self.playing {
                self.stale.quick |= self.view != View::Classes || self.moved();
                self.stale.fine |= self.stale.quick;
                self.stale.of_basis |= first;
            }
        }
        match found.told {
            Told::Error(message) => self.say(Answer::error(None, message)),
            // Looks are points of a curve, even if training has gone on.
            Told::Look(value) => {
                if !late && value["moved"] == false {
                    self.results.look = Some(value.clone());
                }
                self.say(self.look(value))
            }
            // Other results that belong to weights of the past are of no use.
            _ if late => Ok(()),
            Told::Spectrum(value, whole) => {
                if value["moved"] == false {
                    self.results.whole = Some((found.version, whole));
                }
                self.say(Answer::Spectrum(self.with_basis(value)))
            }
            Told::Pieces(value, pieces) => {
                self.results.pieces = Some(pieces);
                self.say(Answer::Pieces(value))
            }
            Told::Surface(header, surface) => {
                let losses = surface.losses.clone();
                self.results.surface = Some(surface);
                self.post(Outgoing::Frame(frame(header, vec![("values", Array::F32(losses))])))
            }
        }
    }

    /// A look with what its curvature is compared with: the threshold of the rule by which training goes on now, and the curvature
    /// that this rule meets, weight decay included.
    pub(super) fn look(&self, mut value: Value) -> Answer {
        let optimizer = &self.ground.experiment.optimizer;
        let threshold = UpdateRule::of(optimizer).threshold(optimizer.lr());
        // Adam meets a matrix of its own, and has no weight decay.
        let decay = if value["preconditioned"] == true { 0.0 } else { optimizer.weight_decay() };
        value["threshold"] = json!(threshold.is_finite().then_some(threshold));
        value["sharpness"] = json!(value["curvature"].as_f64().map(|curvature| curvature + decay));
        Answer::Look(self.with_basis(value))
    }

    /// Adds to a look or a spectrum what is known of each vector that can be moved along.
    fn with_basis(&self, mut value: Value) -> Value {
        if let Some(basis) = &self.basis {
            value["basis"] = json!({
                "version": basis.version,
                "epoch": basis.epoch,
                "eigenvalues": basis.eigenvalues,
                "reach": basis.reach,
                "signs": basis.signs,
            });
        }
        value
    }

    /// Whether other weights are shown than those of the training.
    pub(super) fn moved(&self) -> bool {
        self.basis.is_some() && (self.random != 0.0 || self.along.iter().any(|&t| t != 0.0))
    }

    /// The weights that are shown, `[P]`.
    pub(super) fn shown(&self, training: &Training) -> Vec<f64> {
        let mut theta: Vec<f64> = training.theta().iter().map(|&w| f64::from(w)).collect();
        if let Some(basis) = self.basis.as_ref().filter(|basis| basis.vectors.rows == theta.len()) {
            basis.add_steps(&mut theta, &self.along, self.random);
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

    /// The picture of the weights that are shown.
    pub(super) fn picture(&self, training: &Training, fineness: Fineness) -> Result<Picture, ProblemError> {
        let theta = self.shown(training);
        let basis = self.basis.as_ref().filter(|basis| basis.vectors.rows == theta.len());
        let vector = match self.view {
            View::Alignment { vector } => basis.and_then(|basis| basis.direction(Axis::Vector(vector))),
            _ => None,
        };
        let wanted = Wanted { view: self.view, vector, units: self.units, fineness };
        picture(&self.ground, &theta, &wanted, &self.threads)
    }

    /// Sends the picture of the weights that are shown.
    pub(super) fn send_picture(&mut self, training: &Training, fineness: Fineness) -> Result<(), Gone> {
        let (mut header, arrays) = match self.picture(training, fineness) {
            Ok(picture) => picture.into_frame(),
            Err(error) => return self.say(Answer::error(None, error)),
        };
        self.pictures += 1;
        header["is"] = "picture".into();
        header["picture"] = self.pictures.into();
        header["since"] = self.since.into();
        header["epoch"] = training.epochs_done().into();
        header["version"] = self.version.into();
        header["moved"] = self.moved().into();
        header["fine"] = (fineness == Fineness::Fine).into();
        if let Some(layer) = self.units {
            header["units_of"] = layer.into();
        }
        self.post(Outgoing::Frame(frame(header, arrays)))
    }
}
