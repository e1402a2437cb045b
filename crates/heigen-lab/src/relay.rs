//! How tasks that run at the same time, each on a thread of its own, reach the one watch of the request.
//!
//! A face may be bound to its thread: Python delivers signals to the main one only. So a task does not call the face's
//! watch; it sends what it has to say to the caller's thread and waits for the answer.

use crate::watch::{Event, LabWatch, Note};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

/// A message of a task to the caller's thread.
#[derive(Debug)]
pub(crate) enum Message {
    /// How far a step has come; the task waits for the answer.
    Event(Event, SyncSender<ControlFlow<()>>),
    /// Something that people want to know.
    Note(Note),
}

impl Message {
    /// Tells `watch` the message, and the task the answer.
    pub(crate) fn reach(self, watch: &dyn LabWatch) {
        match self {
            // A task that has gone away needs no answer.
            Self::Event(event, answer) => drop(answer.send(watch.event(&event))),
            Self::Note(note) => watch.note(&note),
        }
    }
}

/// The watch of a task, which sends every call to the caller's thread by the function that it holds.
pub(crate) struct Relay<'a>(pub(crate) &'a dyn Fn(Message));

impl LabWatch for Relay<'_> {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        let (answer, answered) = sync_channel(1);
        (self.0)(Message::Event(event.clone(), answer));
        // If nobody answers any more, the caller is on its way out.
        answered.recv().unwrap_or(ControlFlow::Break(()))
    }

    fn note(&self, note: &Note) {
        (self.0)(Message::Note(note.clone()));
    }
}

/// The watch of tasks that run at the same time, on the caller's thread: once it stops one of them, it stops all.
pub(crate) struct OfAll<'a> {
    watch: &'a dyn LabWatch,
    stopped: AtomicBool,
}

impl<'a> OfAll<'a> {
    /// A watch that nothing has stopped yet.
    pub(crate) fn new(watch: &'a dyn LabWatch) -> Self {
        Self { watch, stopped: AtomicBool::new(false) }
    }

    /// Stops all tasks.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether the tasks are stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// The place where the stop is told.
    pub(crate) fn stopped(&self) -> &AtomicBool {
        &self.stopped
    }
}

impl LabWatch for OfAll<'_> {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        if self.is_stopped() {
            return ControlFlow::Break(());
        }
        let flow = self.watch.event(event);
        if flow.is_break() {
            self.stop();
        }
        flow
    }

    fn note(&self, note: &Note) {
        self.watch.note(note);
    }
}
