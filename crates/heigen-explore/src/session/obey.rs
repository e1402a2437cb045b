//! The commands of the page, each with the work that a session does for it.

use super::story::{Replay, Story};
use super::{Gone, Next, Overtaken, Results, Session, Stale, first_ground};
use crate::deep::Job;
use crate::ground::{Ground, NoGround};
use crate::protocol::{Answer, Command, Edit, Setup};
use heigen::config::OptimizerSpec;
use heigen::train::Training;
use serde_json::json;
use std::sync::Arc;

/// The most epochs between pictures.
const MOST_EPOCHS: u32 = 1000;

impl Session<'_> {
    /// Obeys a command. Some need a new beginning of the stretch, which is returned.
    pub(super) fn obey(&mut self, id: u32, command: Command, training: &mut Training) -> Result<Option<Next>, Gone> {
        if matches!(command, Command::Play | Command::Step | Command::Pause) && self.replay.take().is_some() {
            // Somebody goes on from where a link has come to.
            self.stale = Stale::all();
        }
        match command {
            Command::Setup { setup } => return self.begin_from(id, Some(setup), None),
            Command::Open {} => return self.begin_from(id, None, None),
            Command::Restart {} => {
                // The samples and the rates are those that they are now.
                let mut story = std::mem::take(&mut self.story);
                story.restart();
                return self.begin((*self.ground).clone(), story, None);
            }
            Command::Restore { setup, changes, epochs } => match Replay::new(id, changes, epochs) {
                Ok(replay) => return self.begin_from(id, setup, Some(replay)),
                Err(message) => self.say(Answer::error(Some(id), message))?,
            },
            Command::Tune { lr, weight_decay } => return self.edit(id, Edit::Tune { lr, weight_decay }, training),
            Command::Play => {
                self.come_back();
                self.playing = true;
                self.tell_playing(training)?;
            }
            Command::Pause => {
                self.playing = false;
                self.stale = Stale::all();
                self.tell_playing(training)?;
            }
            Command::Step => {
                self.playing = false;
                self.come_back();
                self.stale = Stale::all();
                if let Some(next) = self.epoch(training)? {
                    return Ok(Some(next));
                }
                self.tell_playing(training)?;
            }
            Command::Until { epochs } => match Replay::new(id, vec![], epochs) {
                Ok(way) => {
                    self.playing = false;
                    self.come_back();
                    self.replay = Some(way);
                }
                Err(message) => self.say(Answer::error(Some(id), message))?,
            },
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
                (self.stale.quick, self.stale.fine) = (true, true);
            }
            Command::Units { layer } => {
                self.units = layer;
                (self.stale.quick, self.stale.fine) = (true, true);
            }
            Command::Hand {} => {
                let answer = match self.side(training) {
                    Ok(side) => Answer::Handed(json!({ "since": id, "number": self.shelf.put(side) })),
                    Err(message) => Answer::error(Some(id), message),
                };
                self.say(answer)?;
            }
            Command::Draw { what, form } => self.draw(id, &what, form, training)?,
            Command::Move { along, random } => return self.go(id, along, random, training).map(|()| None),
            Command::Keep => {
                let next = self.keep(training);
                self.tell_story()?;
                return Ok(Some(next));
            }
            Command::Add { x, y, class } => return self.edit(id, Edit::Add { x, y, class }, training),
            Command::Shift { sample, x, y } => return self.edit(id, Edit::Shift { sample, x, y }, training),
            Command::Delete { sample } => return self.edit(id, Edit::Delete { sample }, training),
            Command::Flip { sample } => return self.edit(id, Edit::Flip { sample }, training),
            // The mailbox keeps these to itself.
            Command::Shown { .. } => {}
        }
        Ok(None)
    }

    /// Begins anew with settings, or with the first ground without any; then goes the way of a link, if there is one.
    fn begin_from(&mut self, id: u32, setup: Option<Setup>, replay: Option<Replay>) -> Result<Option<Next>, Gone> {
        let mut watch = Overtaken(self.mailbox);
        let ground = match setup {
            Some(setup) => Ground::of_setup(setup, &self.threads, &mut watch),
            None => first_ground(self.explorer, &self.threads, &mut watch),
        };
        match ground {
            Ok(ground) => self.begin(ground, Story::default(), replay),
            Err(NoGround::Refused(message)) => self.say(Answer::error(Some(id), message)).map(|()| None),
            Err(NoGround::Stopped) => Ok(None),
        }
    }

    /// Begins anew on a ground, which the changes of `story` have made.
    fn begin(&mut self, ground: Ground, story: Story, replay: Option<Replay>) -> Result<Option<Next>, Gone> {
        let beginning = ground.beginning();
        self.ground = Arc::new(ground);
        self.forget_vectors(self.version + 1);
        self.results = Results::default();
        self.story = story;
        self.replay = replay;
        self.playing = false;
        self.come_back();
        self.tell_ground()?;
        Ok(Some(Next::From(beginning)))
    }

    /// Makes a change from outside, and tells the page about it; training goes on in the state in which it is.
    pub(super) fn edit(&mut self, id: u32, edit: Edit, training: &Training) -> Result<Option<Next>, Gone> {
        let mut ground = (*self.ground).clone();
        let changed = match edit {
            Edit::Add { x, y, class } => ground.add(x, y, class),
            Edit::Shift { sample, x, y } => ground.shift(sample, x, y),
            Edit::Delete { sample } => ground.delete(sample),
            Edit::Flip { sample } => ground.flip(sample),
            Edit::Tune { lr, weight_decay } => tune(&mut ground, lr, weight_decay),
            Edit::Keep { along, random } => match self.keep_again(&along, random, training) {
                Ok(next) => {
                    self.story.add(training.epochs_done(), edit);
                    self.tell_story()?;
                    return Ok(Some(next));
                }
                Err(message) => Err(message),
            },
        };
        if let Err(message) = changed {
            return self.say(Answer::error(Some(id), message)).map(|()| None);
        }
        self.ground = Arc::new(ground);
        self.story.add(training.epochs_done(), edit);
        self.tell_story()?;
        let checkpoint = training.checkpoint(&[]);
        if let Edit::Tune { .. } = edit {
            // The curvature is what it was; what it is compared with is not.
            if let Some(look) = self.results.look.clone() {
                self.say(self.look(look))?;
            }
            return Ok(Some(Next::Tuned(checkpoint)));
        }
        self.tell_samples()?;
        Ok(Some(Next::From(checkpoint)))
    }

    /// Shows other weights than those of the training.
    fn go(&mut self, id: u32, along: Vec<f64>, random: f64, training: &Training) -> Result<(), Gone> {
        let sane = |t: &f64| t.is_finite() && t.abs() <= 1e6;
        if along.len() > 64 || !along.iter().all(sane) || !sane(&random) {
            return self.say(Answer::error(Some(id), "expected at most 64 steps of at most 10^6 along eigenvectors"));
        }
        if self.playing {
            self.playing = false;
            self.tell_playing(training)?;
        }
        (self.along, self.random) = (along, random);
        self.stale = Stale { of_basis: self.stale.of_basis, ..Stale::all() };
        Ok(())
    }
}

/// Changes the learning rate and the weight decay.
fn tune(ground: &mut Ground, lr: f64, weight_decay: f64) -> Result<(), String> {
    if !(lr > 0.0 && lr <= 1e3 && (0.0..=1e3).contains(&weight_decay)) {
        return Err(format!(
            "learning rate {lr}, weight decay {weight_decay}; expected numbers up to 1000, the first above 0"
        ));
    }
    match &mut ground.experiment.optimizer {
        OptimizerSpec::Sgd { lr: rate, weight_decay: decay, .. }
        | OptimizerSpec::Nesterov { lr: rate, weight_decay: decay, .. }
        | OptimizerSpec::Sam { lr: rate, weight_decay: decay, .. } => (*rate, *decay) = (lr, weight_decay),
        OptimizerSpec::Adam { lr: rate } => *rate = lr,
    }
    if let Some(setup) = &mut ground.setup {
        (setup.lr, setup.weight_decay) = (lr, weight_decay);
    }
    Ok(())
}
