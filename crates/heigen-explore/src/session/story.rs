//! The changes that a user has made to a training, and how a link goes through them again.

use super::{Gone, Next, Session};
use crate::deep::basis_at;
use crate::picture::Fineness;
use crate::protocol::{Answer, Change, Edit};
use heigen::train::{Checkpoint, Training};
use serde_json::json;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The most changes that a link goes through.
const MOST_CHANGES: usize = 200;
/// The most epochs that a link goes through.
const MOST_EPOCHS: usize = 1_000_000;
/// Time between pictures of a training that is gone through again.
const BETWEEN: Duration = Duration::from_millis(50);

/// All changes since the beginning.
#[derive(Debug, Default)]
pub(super) struct Story {
    changes: Vec<Change>,
    /// Whether there was a change that no link can go through again.
    lost: bool,
}

impl Story {
    /// Adds a change; one that takes the place of the last one does so.
    pub(super) fn add(&mut self, epoch: usize, edit: Edit) {
        let replaces = |last: &Change| {
            let same = match (&last.edit, &edit) {
                (Edit::Shift { sample, .. }, Edit::Shift { sample: other, .. }) => sample == other,
                (Edit::Tune { .. }, Edit::Tune { .. }) => true,
                _ => false,
            };
            same && last.epoch == epoch
        };
        let full = self.changes.len() >= MOST_CHANGES;
        match self.changes.last_mut() {
            Some(last) if replaces(last) => last.edit = edit,
            _ if full => self.lost = true,
            _ => self.changes.push(Change { epoch, edit }),
        }
    }

    /// Begins anew on the samples and with the rates as they are now.
    pub(super) fn restart(&mut self) {
        self.changes.retain(|change| !matches!(change.edit, Edit::Keep { .. }));
        self.changes.iter_mut().for_each(|change| change.epoch = 0);
        self.lost &= self.changes.len() >= MOST_CHANGES;
    }

    /// Gives up: what has happened cannot be gone through again.
    pub(super) fn lose(&mut self) {
        self.lost = true;
    }
}

/// The rest of a link that is being gone through.
#[derive(Debug)]
pub(super) struct Replay {
    changes: VecDeque<Change>,
    epochs: usize,
    /// The number of the command.
    id: u32,
}

impl Replay {
    /// The way of a link, if it is not too long.
    pub(super) fn new(id: u32, changes: Vec<Change>, epochs: usize) -> Result<Self, String> {
        if changes.len() > MOST_CHANGES || epochs > MOST_EPOCHS {
            return Err(format!("a link of more than {MOST_CHANGES} changes or {MOST_EPOCHS} epochs"));
        }
        if changes.iter().any(|change| change.epoch > epochs) {
            return Err("a link with a change after its last epoch".to_owned());
        }
        Ok(Self { changes: changes.into(), epochs, id })
    }
}

impl Session<'_> {
    /// Tells the page the changes, for its link.
    pub(super) fn tell_story(&self) -> Result<(), Gone> {
        let Story { changes, lost } = &self.story;
        let value = json!({ "since": self.since, "changes": changes, "lost": lost });
        self.say(Answer::Story(value))
    }

    /// Goes a part of the way of a link, and shows where it is.
    pub(super) fn go_through(&mut self, training: &mut Training) -> Result<Option<Next>, Gone> {
        let begun = Instant::now();
        while begun.elapsed() < BETWEEN && !self.mailbox.calls() {
            let Some(replay) = &mut self.replay else { return Ok(None) };
            let done = training.epochs_done();
            if let Some(change) = replay.changes.front().copied().filter(|change| change.epoch <= done) {
                replay.changes.pop_front();
                let id = replay.id;
                if let Some(next) = self.edit(id, change.edit, training)? {
                    return Ok(Some(next));
                }
                continue;
            }
            if done >= replay.epochs {
                self.replay = None;
                self.forget_vectors(self.version);
                self.say(Answer::Restored(json!({ "since": self.since, "epoch": done, "version": self.version })))?;
                return Ok(None);
            }
            if let Some(next) = self.epoch(training)? {
                // It diverges here, as it did before.
                self.replay = None;
                return Ok(Some(next));
            }
        }
        self.send_picture(training, Fineness::Quick)?;
        Ok(None)
    }

    /// Takes the weights that are shown for those of the training.
    pub(super) fn keep(&mut self, training: &Training) -> Next {
        let theta = self.shown(training).iter().map(|&w| w as f32).collect();
        match self.basis.as_ref().filter(|basis| basis.version == self.version) {
            Some(basis) => {
                let mut along = [0.0; crate::protocol::MOST_KEPT];
                let steps = self.along.iter().zip(&basis.signs).map(|(t, sign)| t * sign);
                along.iter_mut().zip(steps).for_each(|(to, t)| *to = t);
                if self.along.iter().skip(along.len()).any(|&t| t != 0.0) {
                    self.story.lose();
                }
                self.story.add(training.epochs_done(), Edit::Keep { along, random: self.random });
            }
            None if self.moved() => self.story.lose(),
            None => {}
        }
        self.come_back();
        Next::From(Checkpoint { theta, ..training.checkpoint(&[]) })
    }

    /// Moves the weights as a link says: along eigenvectors that are looked for here.
    pub(super) fn keep_again(&mut self, along: &[f64], random: f64, training: &Training) -> Result<Next, String> {
        let point = self.resting_point(training);
        let basis = basis_at(&point, &self.threads, &mut ())?;
        let mut theta = point.theta.to_vec();
        basis.add_steps(&mut theta, along, random);
        let theta = theta.iter().map(|&w| w as f32).collect();
        Ok(Next::From(Checkpoint { theta, ..training.checkpoint(&[]) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_a_kind_take_each_others_place_and_too_many_are_lost() {
        let mut story = Story::default();
        story.add(0, Edit::Shift { sample: 3, x: 0.0, y: 0.0 });
        story.add(0, Edit::Shift { sample: 3, x: 1.0, y: 2.0 });
        story.add(0, Edit::Shift { sample: 4, x: 1.0, y: 2.0 });
        story.add(1, Edit::Shift { sample: 4, x: 0.0, y: 2.0 });
        story.add(1, Edit::Flip { sample: 4 });
        story.add(1, Edit::Flip { sample: 4 });
        assert_eq!(story.changes.len(), 5);
        assert_eq!(story.changes[0].edit, Edit::Shift { sample: 3, x: 1.0, y: 2.0 });
        story.add(1, Edit::Keep { along: [0.0; 12], random: 0.1 });
        story.lose();
        story.restart();
        assert!(story.changes.len() == 5 && story.changes.iter().all(|change| change.epoch == 0) && !story.lost);
        for _ in 0..MOST_CHANGES {
            assert!(!story.lost || story.changes.len() == MOST_CHANGES);
            story.add(2, Edit::Delete { sample: 0 });
        }
        assert!(story.lost && story.changes.len() == MOST_CHANGES);
    }

    #[test]
    fn links_that_are_too_long_or_make_no_sense_are_refused() {
        let change = Change { epoch: 5, edit: Edit::Flip { sample: 0 } };
        assert!(Replay::new(1, vec![change], 5).is_ok());
        assert!(Replay::new(1, vec![change], 4).is_err());
        assert!(Replay::new(1, vec![change; MOST_CHANGES + 1], 5).is_err());
        assert!(Replay::new(1, vec![], MOST_EPOCHS + 1).is_err());
    }
}
