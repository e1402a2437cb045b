//! The commands of one client, in the order in which they came, on their way to the thread that obeys them.

use crate::deep::Found;
use crate::protocol::Command;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most commands that wait.
const MOST: usize = 256;

/// A letter to the session's thread.
#[derive(Debug)]
pub(crate) enum Item {
    /// A command with the client's number of it.
    Command(u32, Command),
    /// A result of the thread for longer computations.
    Found(Box<Found>),
}

#[derive(Debug, Default)]
struct Inside {
    items: VecDeque<Item>,
    gone: bool,
    shown: u64,
}

impl Inside {
    fn calls(&self) -> bool {
        self.gone || !self.items.is_empty()
    }
}

/// A queue in which newer input takes the place of older input of the same kind that has not been looked at.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inside: Mutex<Inside>,
    bell: Condvar,
}

/// There are more commands waiting than the mailbox holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a command in.
    pub(crate) fn command(&self, id: u32, command: Command) -> Result<(), Full> {
        let mut inside = self.lock();
        if let Command::Shown { picture } = command {
            inside.shown = inside.shown.max(picture);
        } else {
            let full = inside.items.len() >= MOST;
            match inside.items.back_mut() {
                Some(Item::Command(last, waiting)) if command.replaces(waiting) => {
                    (*last, *waiting) = (id, command);
                }
                _ if full => return Err(Full),
                _ => inside.items.push_back(Item::Command(id, command)),
            }
        }
        drop(inside);
        self.bell.notify_all();
        Ok(())
    }

    /// Puts a result in.
    pub(crate) fn found(&self, found: Found) {
        self.lock().items.push_back(Item::Found(Box::new(found)));
        self.bell.notify_all();
    }

    /// Says that the client is gone.
    pub(crate) fn leave(&self) {
        self.lock().gone = true;
        self.bell.notify_all();
    }

    /// Whether the client is gone.
    pub(crate) fn gone(&self) -> bool {
        self.lock().gone
    }

    /// Whether something waits, or the client is gone.
    pub(crate) fn calls(&self) -> bool {
        self.lock().calls()
    }

    /// Whether a command waits that begins anew, so that what an earlier one is preparing is of no use, or the client is gone.
    pub(crate) fn is_overtaken(&self) -> bool {
        let inside = self.lock();
        let anew = |item: &Item| matches!(item, Item::Command(_, command) if command.begins_anew());
        inside.gone || inside.items.iter().any(anew)
    }

    /// Waits until something is there, the client is gone, or `patience` is over.
    pub(crate) fn calls_within(&self, patience: Duration) {
        self.until(patience, Inside::calls);
    }

    /// Waits until the client has shown the picture `number`, something is there, the client is gone, or `patience` is over.
    pub(crate) fn shown_within(&self, number: u64, patience: Duration) {
        self.until(patience, |inside| inside.shown >= number || inside.calls());
    }

    /// Waits for the bell until `enough` holds or `patience` is over.
    fn until(&self, patience: Duration, enough: impl Fn(&Inside) -> bool) {
        let waits = |inside: &mut Inside| !enough(inside);
        // Whether time was up or not is seen by whoever asked.
        drop(self.bell.wait_timeout_while(self.lock(), patience, waits));
    }

    /// The number of the last picture that the client has shown.
    pub(crate) fn shown(&self) -> u64 {
        self.lock().shown
    }

    /// The next item; none once the client is gone, or where nothing comes within `patience` (or at all, without one).
    pub(crate) fn next(&self, patience: Option<Duration>) -> Option<Item> {
        let mut inside = self.lock();
        loop {
            if inside.gone {
                return None;
            }
            if let Some(item) = inside.items.pop_front() {
                return Some(item);
            }
            inside = match patience {
                None => self.bell.wait(inside).unwrap_or_else(PoisonError::into_inner),
                Some(patience) => {
                    let (mut inside, _) =
                        self.bell.wait_timeout(inside, patience).unwrap_or_else(PoisonError::into_inner);
                    return if inside.gone { None } else { inside.items.pop_front() };
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_moves_replace_older_ones_and_order_is_kept() {
        let mailbox = Mailbox::default();
        let moved = |t: f64| Command::Move { along: vec![t], random: 0.0 };
        for (id, command) in [moved(1.0), moved(2.0), Command::Play, moved(3.0), moved(4.0)].into_iter().enumerate() {
            mailbox.command(id as u32, command).unwrap();
        }
        let mut got = vec![];
        while let Some(Item::Command(id, command)) = mailbox.next(Some(Duration::ZERO)) {
            got.push((id, command));
        }
        assert_eq!(got, [(1, moved(2.0)), (2, Command::Play), (4, moved(4.0))]);
    }

    #[test]
    fn waiting_ends_with_what_is_waited_for() {
        let mailbox = std::sync::Arc::new(Mailbox::default());
        let long = Duration::from_mins(1);
        let begun = std::time::Instant::now();
        let other = std::sync::Arc::clone(&mailbox);
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            other.command(1, Command::Shown { picture: 3 }).unwrap();
            std::thread::sleep(Duration::from_millis(20));
            other.command(2, Command::Play).unwrap();
        });
        mailbox.shown_within(3, long);
        assert_eq!(mailbox.shown(), 3);
        mailbox.calls_within(long);
        assert!(mailbox.calls() && !mailbox.is_overtaken());
        thread.join().unwrap();
        mailbox.command(3, Command::Restart {}).unwrap();
        assert!(mailbox.is_overtaken());
        assert!(begun.elapsed() < long);
        // A wait for what does not come ends, too.
        mailbox.until(Duration::from_millis(5), |_| false);
    }

    #[test]
    fn it_is_bounded_and_ends() {
        let mailbox = Mailbox::default();
        let all = (0..1000).map(|id| mailbox.command(id, if id % 2 == 0 { Command::Play } else { Command::Pause }));
        assert_eq!(all.filter(|outcome| *outcome == Err(Full)).count(), 1000 - MOST);
        mailbox.leave();
        assert!(mailbox.next(None).is_none() && mailbox.calls());
    }
}
