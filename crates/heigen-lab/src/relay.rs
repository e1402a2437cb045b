//! Runs work in a thread pool while its watch is asked on the caller's thread.
//!
//! A face may be bound to its thread: Python delivers signals to the main one only, and whoever holds its lock must not
//! wait for a worker that wants it. So workers never call a watch; they send what they have to say and wait for the answer.

use crate::LabError;
use crate::watch::{Event, LabWatch, Note};
use rayon::ThreadPool;
use std::ops::ControlFlow;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};

/// A message of a worker to the caller's thread.
enum Message {
    Event(Event, SyncSender<ControlFlow<()>>),
    Note(Note),
}

/// The watch that workers get: it sends every call to the caller's thread.
struct Relay(Sender<Message>);

impl LabWatch for Relay {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        let (answer, answered) = sync_channel(1);
        // If nobody receives the event any more, the caller is on its way out.
        match self.0.send(Message::Event(event.clone(), answer)) {
            Ok(()) => answered.recv().unwrap_or(ControlFlow::Break(())),
            Err(_) => ControlFlow::Break(()),
        }
    }

    fn note(&self, note: &Note) {
        // If nobody receives the note any more, the caller is on its way out.
        let _ = self.0.send(Message::Note(note.clone()));
    }
}

/// Runs `work` in `pool`, and asks `watch` on this thread.
pub(crate) fn relayed<R: Send>(
    pool: &ThreadPool,
    watch: &dyn LabWatch,
    work: impl FnOnce(&dyn LabWatch) -> Result<R, LabError> + Send,
) -> Result<R, LabError> {
    let (sender, messages) = channel();
    let mut outcome = Err(LabError::Lost);
    pool.in_place_scope(|scope| {
        let outcome = &mut outcome;
        scope.spawn(move |_| *outcome = work(&Relay(sender)));
        for message in messages {
            match message {
                // A worker that has gone away needs no answer.
                Message::Event(event, answer) => drop(answer.send(watch.event(&event))),
                Message::Note(note) => watch.note(&note),
            }
        }
    });
    outcome
}
