//! The commands of the page, each with the work that a session does for it.

use super::{Gone, Next, Session, Stale};
use crate::deep::Job;
use crate::ground::Ground;
use crate::protocol::{Answer, Command, Setup};
use heigen::config::OptimizerSpec;
use heigen::train::{Checkpoint, Training};
use std::sync::Arc;

/// The most epochs between pictures.
const MOST_EPOCHS: u32 = 1000;

impl Session<'_> {
    /// Obeys a command. Some need a new beginning of the stretch, which is returned.
    pub(super) fn obey(
        &mut self,
        id: u32,
        command: Command,
        training: &mut Training,
        stale: &mut Stale,
    ) -> Result<Option<Next>, Gone> {
        match command {
            Command::Setup { setup } => return self.begin(id, Ground::of_setup(setup)),
            Command::Open {} => {
                let ground = match &self.explorer.opened {
                    Some(opened) => Ok(Ground::of_opened(opened)),
                    None => Ground::of_setup(Setup::default()),
                };
                return self.begin(id, ground);
            }
            Command::Restart {} => return self.begin(id, Ok((*self.ground).clone())),
            Command::Tune { lr, weight_decay } => return self.tune(id, lr, weight_decay, training),
            Command::Play => {
                self.come_back();
                self.playing = true;
                self.tell_playing(training)?;
            }
            Command::Pause => {
                self.playing = false;
                *stale = Stale::all();
                self.tell_playing(training)?;
            }
            Command::Step => {
                self.playing = false;
                self.come_back();
                *stale = Stale::all();
                if let Some(next) = self.epoch(training)? {
                    return Ok(Some(next));
                }
                self.tell_playing(training)?;
            }
            Command::Speed { epochs } => {
                self.epochs = epochs.clamp(1, MOST_EPOCHS);
                self.tell_playing(training)?;
            }
            Command::Whole { on } => {
                self.whole = on;
                if on && !self.playing {
                    self.deep.ask(Job::Whole(self.point(training)));
                }
            }
            Command::Pieces { on } => {
                self.pieces = on;
                if on && !self.playing {
                    self.ask_of_basis(training);
                }
            }
            Command::Surface { axes } => {
                self.surface = axes;
                if axes.is_some() && !self.playing {
                    self.ask_of_basis(training);
                }
            }
            Command::View { view } => {
                self.view = view;
                (stale.quick, stale.fine) = (true, true);
            }
            Command::Move { along, random } => return self.go(id, along, random, training, stale).map(|()| None),
            Command::Keep => return Ok(Some(self.keep(training))),
            Command::Add { x, y, class } => return self.change(id, training, |ground| ground.add(x, y, class)),
            Command::Shift { sample, x, y } => return self.change(id, training, |ground| ground.shift(sample, x, y)),
            Command::Delete { sample } => return self.change(id, training, |ground| ground.delete(sample)),
            Command::Flip { sample } => return self.change(id, training, |ground| ground.flip(sample)),
            // The mailbox keeps these to itself.
            Command::Shown { .. } => {}
        }
        Ok(None)
    }

    /// Begins anew on another ground.
    fn begin(&mut self, id: u32, ground: Result<Ground, String>) -> Result<Option<Next>, Gone> {
        let ground = match ground {
            Ok(ground) => ground,
            Err(message) => return self.say(Answer::error(Some(id), message)).map(|()| None),
        };
        let beginning = ground.beginning();
        self.ground = Arc::new(ground);
        self.basis = None;
        self.playing = false;
        self.come_back();
        self.tell_ground()?;
        Ok(Some(Next::From(beginning)))
    }

    /// Changes the learning rate and the weight decay; training goes on in the state in which it is.
    fn tune(&mut self, id: u32, lr: f64, weight_decay: f64, training: &Training) -> Result<Option<Next>, Gone> {
        if !(lr > 0.0 && lr <= 1e3 && (0.0..=1e3).contains(&weight_decay)) {
            let message = format!(
                "learning rate {lr}, weight decay {weight_decay}; expected numbers up to 1000, the first above 0"
            );
            return self.say(Answer::error(Some(id), message)).map(|()| None);
        }
        let ground = Arc::make_mut(&mut self.ground);
        match &mut ground.experiment.optimizer {
            OptimizerSpec::Sgd { lr: rate, weight_decay: decay, .. }
            | OptimizerSpec::Nesterov { lr: rate, weight_decay: decay, .. }
            | OptimizerSpec::Sam { lr: rate, weight_decay: decay, .. } => (*rate, *decay) = (lr, weight_decay),
            OptimizerSpec::Adam { lr: rate } => *rate = lr,
        }
        if let Some(setup) = &mut ground.setup {
            (setup.lr, setup.weight_decay) = (lr, weight_decay);
        }
        Ok(Some(Next::From(training.checkpoint(&[]))))
    }

    /// Shows other weights than those of the training.
    fn go(
        &mut self,
        id: u32,
        along: Vec<f64>,
        random: f64,
        training: &Training,
        stale: &mut Stale,
    ) -> Result<(), Gone> {
        let sane = |t: &f64| t.is_finite() && t.abs() <= 1e6;
        if along.len() > 64 || !along.iter().all(sane) || !sane(&random) {
            return self.say(Answer::error(Some(id), "expected at most 64 steps of at most 10^6 along eigenvectors"));
        }
        if self.playing {
            self.playing = false;
            self.tell_playing(training)?;
        }
        (self.along, self.random) = (along, random);
        *stale = Stale { of_basis: stale.of_basis, ..Stale::all() };
        Ok(())
    }

    /// Takes the weights that are shown for those of the training.
    fn keep(&mut self, training: &Training) -> Next {
        let theta = self.shown(training).iter().map(|&w| w as f32).collect();
        self.come_back();
        Next::From(Checkpoint { theta, ..training.checkpoint(&[]) })
    }

    /// Changes the samples; training goes on in the state in which it is.
    fn change(
        &mut self,
        id: u32,
        training: &Training,
        change: impl FnOnce(&mut Ground) -> Result<(), String>,
    ) -> Result<Option<Next>, Gone> {
        let mut ground = (*self.ground).clone();
        if let Err(message) = change(&mut ground) {
            return self.say(Answer::error(Some(id), message)).map(|()| None);
        }
        self.ground = Arc::new(ground);
        self.tell_samples()?;
        Ok(Some(Next::From(training.checkpoint(&[]))))
    }
}
