//! Whole tasks dealt to the processes of one launcher: the one of rank 0 leads, knows what depends on what, and hands tasks out; the
//! others do what they are handed. Results go to the folder that all share, and messages tell no more than which task, and how it ended.

use crate::LabError;
use crate::reproduction::schedule::{Room, caught};
use heigen_spectra::{Communicator, Failure, Numbers, NumbersMut};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Time between two looks for messages.
const LOOK: Duration = Duration::from_millis(5);
/// Number that a process is sent instead of a task when there will be no more.
const NO_MORE: f64 = -1.0;
/// Codes of the ends of a task.
const DONE: f64 = 0.0;
const FAILED: f64 = 1.0;

/// The processes that whole tasks are dealt to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crew(Option<Arc<dyn Communicator>>);

/// A task for another process, and where its end is waited for.
struct Order {
    rank: usize,
    task: usize,
    reply: Sender<Result<(), LabError>>,
}

/// The way to the other processes, for the threads of the leading one.
pub(crate) struct Hands(Sender<Order>);

impl Hands {
    /// Lets the process of this rank do a task, and waits for its end.
    pub(crate) fn by(&self, rank: usize, task: usize) -> Result<(), LabError> {
        let (reply, end) = channel();
        // Where nobody takes or answers the order, the connection has failed, which is told elsewhere.
        let _ = self.0.send(Order { rank, task, reply });
        end.recv().unwrap_or(Err(LabError::Lost))
    }
}

impl Crew {
    /// The processes that `communicator` connects.
    pub(crate) fn by(communicator: Arc<dyn Communicator>) -> Self {
        Self(Some(communicator).filter(|communicator| communicator.size() > 1))
    }

    /// Whether this process hands out the tasks.
    pub(crate) fn leads(&self) -> bool {
        self.0.as_ref().is_none_or(|communicator| communicator.rank() == 0)
    }

    /// The room for tasks in every process, `own` in this one. All processes have to ask for it.
    pub(crate) fn rooms(&self, own: Room) -> Result<Vec<Room>, LabError> {
        let Some(communicator) = &self.0 else { return Ok(vec![own]) };
        let mut all = vec![0.0; 2 * communicator.size()];
        let numbers = [own.tasks as f64, own.bytes];
        communicator.gather(&numbers, |rank| 2 * rank..2 * rank + 2, &mut all).map_err(LabError::Failure)?;
        Ok(all.chunks_exact(2).map(|room| Room { tasks: room[0] as usize, bytes: room[1] }).collect())
    }

    /// Runs `work`, which can hand tasks to the other processes; after it, these are told that there are no more.
    pub(crate) fn lead<R>(&self, work: impl FnOnce(&Hands) -> R) -> Result<R, LabError> {
        let (sender, orders) = channel();
        let hands = Hands(sender);
        let Some(communicator) = &self.0 else { return Ok(work(&hands)) };
        std::thread::scope(|scope| {
            let dispatcher = scope.spawn(move || dispatch(&**communicator, &orders));
            let result = work(&hands);
            // The dispatcher ends when there can be no more orders.
            drop(hands);
            match dispatcher.join() {
                Ok(outcome) => outcome.map(|()| result).map_err(LabError::Failure),
                Err(_) => Err(LabError::Lost),
            }
        })
    }

    /// Does the tasks that the leading process hands to this one, several at a time if it says so, until there are no more.
    pub(crate) fn serve(&self, one: impl Fn(usize) -> Result<(), LabError> + Sync) -> Result<(), LabError> {
        let Some(communicator) = &self.0 else { return Ok(()) };
        let (sender, ends) = channel::<(usize, Result<(), LabError>)>();
        std::thread::scope(|scope| {
            let (mut running, mut more) = (0usize, true);
            while more || running > 0 {
                while more && communicator.arrived(0).map_err(LabError::Failure)? {
                    let mut task = [0.0];
                    communicator.receive(0, NumbersMut::Float64(&mut task)).map_err(LabError::Failure)?;
                    if task[0] < 0.0 {
                        more = false;
                        break;
                    }
                    let (sender, one, task) = (sender.clone(), &one, task[0] as usize);
                    running += 1;
                    scope.spawn(move || {
                        // Where nobody hears it, the connection has failed.
                        let _ = sender.send((task, caught(|| one(task))));
                    });
                }
                if let Ok((task, end)) = ends.recv_timeout(LOOK) {
                    running -= 1;
                    reply(&**communicator, task, end).map_err(LabError::Failure)?;
                }
            }
            Ok(())
        })
    }
}

/// Carries orders to the other processes and their ends back, until no more orders can come.
fn dispatch(communicator: &dyn Communicator, orders: &Receiver<Order>) -> Result<(), Failure> {
    let mut waiting: BTreeMap<(usize, usize), Sender<Result<(), LabError>>> = BTreeMap::new();
    let mut open = true;
    while open || !waiting.is_empty() {
        match orders.recv_timeout(LOOK) {
            Ok(Order { rank, task, reply }) => {
                communicator.send(rank, Numbers::Float64(&[task as f64]))?;
                waiting.insert((rank, task), reply);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                open = false;
                if !waiting.is_empty() {
                    std::thread::sleep(LOOK);
                }
            }
        }
        for rank in 1..communicator.size() {
            let expected = waiting.keys().any(|&(r, _)| r == rank);
            while expected && communicator.arrived(rank)? {
                let (task, end) = received(communicator, rank)?;
                if let Some(reply) = waiting.remove(&(rank, task)) {
                    // Whoever waits no longer has ended.
                    let _ = reply.send(end);
                }
            }
        }
    }
    (1..communicator.size()).try_for_each(|rank| communicator.send(rank, Numbers::Float64(&[NO_MORE])))
}

/// Tells the leading process how a task ended: its number, a code and the length of a text; and the text, if there is one.
fn reply(communicator: &dyn Communicator, task: usize, end: Result<(), LabError>) -> Result<(), Failure> {
    let code = if end.is_ok() { DONE } else { FAILED };
    let text: Vec<f64> = end.err().map_or_else(Vec::new, |e| e.in_full().bytes().map(f64::from).collect());
    communicator.send(0, Numbers::Float64(&[task as f64, code, text.len() as f64]))?;
    if text.is_empty() { Ok(()) } else { communicator.send(0, Numbers::Float64(&text)) }
}

/// The task whose end the process of this rank tells, and the end.
fn received(communicator: &dyn Communicator, rank: usize) -> Result<(usize, Result<(), LabError>), Failure> {
    let mut head = [0.0; 3];
    communicator.receive(rank, NumbersMut::Float64(&mut head))?;
    let mut text = vec![0.0; head[2] as usize];
    if !text.is_empty() {
        communicator.receive(rank, NumbersMut::Float64(&mut text))?;
    }
    let bytes: Vec<u8> = text.into_iter().map(|byte| byte as u8).collect();
    let end = if head[1] > DONE {
        Err(LabError::InProcess { rank, what: String::from_utf8_lossy(&bytes).into_owned() })
    } else {
        Ok(())
    };
    Ok((head[0] as usize, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use heigen_spectra::ThreadPiece;
    use std::sync::Mutex;

    /// Runs `lead` in the first of several processes, which are threads here; the others do tasks by `one`.
    fn led<R: Send>(
        size: usize,
        one: impl Fn(usize, usize) -> Result<(), LabError> + Sync,
        lead: impl FnOnce(&Crew) -> R + Send,
    ) -> R {
        std::thread::scope(|scope| {
            let mut crews: Vec<Crew> = ThreadPiece::all(size).into_iter().map(|p| Crew::by(Arc::new(p))).collect();
            let others = crews.split_off(1);
            let one = &one;
            for (i, crew) in others.into_iter().enumerate() {
                scope.spawn(move || {
                    crew.rooms(Room { tasks: i + 2, bytes: 7.5 }).unwrap();
                    crew.serve(|task| one(i + 1, task)).unwrap();
                });
            }
            lead(&crews[0])
        })
    }

    #[test]
    fn tasks_are_done_where_they_are_handed_to_and_their_ends_told() {
        let done = Mutex::new(vec![]);
        let one = |rank: usize, task: usize| {
            assert!(task != 13, "unlucky");
            if task == 12 {
                return Err(LabError::Circle);
            }
            done.lock().unwrap().push((rank, task));
            Ok(())
        };
        let rooms = led(3, one, |crew| {
            let rooms = crew.rooms(Room { tasks: 1, bytes: 1.0 }).unwrap();
            let lead = |hands: &Hands| {
                std::thread::scope(|scope| {
                    for task in 0..12 {
                        scope.spawn(move || hands.by(1 + task % 2, task).unwrap());
                    }
                });
                let failed = hands.by(2, 12).unwrap_err().to_string();
                assert_eq!(failed, format!("in the process of rank 2: {}", LabError::Circle));
                assert!(hands.by(1, 13).unwrap_err().to_string().contains("unlucky"));
            };
            crew.lead(lead).unwrap();
            rooms
        });
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|&(_, task)| task);
        assert_eq!(done, (0..12).map(|task| (1 + task % 2, task)).collect::<Vec<_>>());
        assert_eq!(rooms.iter().map(|room| room.tasks).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(rooms[2].bytes, 7.5);
    }

    #[test]
    fn a_process_that_is_lost_ends_the_waiting_for_it() {
        let mut pieces = ThreadPiece::all(2);
        let other = pieces.pop().unwrap();
        let crew = Crew::by(Arc::new(pieces.pop().unwrap()));
        let ended = std::thread::scope(|scope| {
            scope.spawn(move || while !other.arrived(0).unwrap() {});
            crew.lead(|hands| hands.by(1, 0).unwrap_err().to_string())
        });
        assert!(ended.unwrap_err().to_string().contains("piece 1 of the computation has ended"));
    }

    #[test]
    fn a_process_alone_leads_nobody() {
        let crew = Crew::default();
        let own = Room { tasks: 3, bytes: 5.0 };
        assert_eq!(crew.rooms(own).unwrap(), [own]);
        assert!(crew.leads() && crew.lead(|_| 4).unwrap() == 4);
    }
}
