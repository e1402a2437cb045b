//! The processes that an MPI launcher starts, as pieces of one computation of heigen.
//!
//! The program `heigen-mpi` is `heigen` for them: `mpirun -n 4 heigen-mpi hessian NAME --top-k 50`. The sums over samples are
//! shared, in the fixed tree of [`Leaves`](heigen_spectra::Leaves), so that every result has the bytes of a single process.

use heigen_spectra::{Communicator, Failure, Numbers, NumbersMut};
use mpi::collective::SystemOperation;
use mpi::datatype::Equivalence;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives as _, Destination, Source};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Numbers of one message. MPI counts them in 32 bits.
const LONGEST: usize = 1 << 26;

/// One of the processes that the launcher has started.
///
/// A message that cannot be carried ends the job with a message of the MPI library, by its default error handler.
pub struct World {
    rank: usize,
    size: usize,
    /// MPI is entered by one thread at a time.
    entry: Mutex<()>,
}

impl World {
    /// This process, once MPI is initialised for threads that take turns (`MPI_THREAD_SERIALIZED`).
    pub fn new() -> Self {
        let world = SimpleCommunicator::world();
        let number = |n: i32| usize::try_from(n).unwrap_or_default();
        Self { rank: number(world.rank()), size: number(world.size()), entry: Mutex::new(()) }
    }

    /// Number of processes that run on this machine, this one included.
    pub fn neighbours(&self) -> usize {
        let _turn = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let here = SimpleCommunicator::world().split_shared(0);
        usize::try_from(here.size()).unwrap_or(1)
    }

    fn check(&self, rank: usize) -> Result<i32, Failure> {
        i32::try_from(rank)
            .ok()
            .filter(|_| rank < self.size)
            .ok_or_else(|| Failure::of(NoSuchRank { rank, size: self.size }))
    }

    fn send_all<T: Equivalence>(&self, to: usize, numbers: &[T]) -> Result<(), Failure> {
        let to = self.check(to)?;
        let _turn = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let world = SimpleCommunicator::world();
        numbers.chunks(LONGEST).for_each(|part| world.process_at_rank(to).send(part));
        Ok(())
    }

    fn add_up_all<T: Equivalence + Clone>(&self, numbers: &mut [T]) {
        let _turn = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let world = SimpleCommunicator::world();
        for part in numbers.chunks_mut(LONGEST) {
            let own = part.to_vec();
            world.all_reduce_into(&own[..], part, SystemOperation::sum());
        }
    }

    fn receive_all<T: Equivalence>(&self, from: usize, numbers: &mut [T]) -> Result<(), Failure> {
        let from_rank = self.check(from)?;
        let _turn = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        let world = SimpleCommunicator::world();
        for part in numbers.chunks_mut(LONGEST) {
            let wanted = part.len();
            let status = world.process_at_rank(from_rank).receive_into(part);
            let got = usize::try_from(status.count(T::equivalent_datatype())).unwrap_or_default();
            if got != wanted {
                return Err(Failure::of(OtherLength { from, got, wanted }));
            }
        }
        Ok(())
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World({} of {})", self.rank, self.size)
    }
}

impl Communicator for World {
    fn size(&self) -> usize {
        self.size
    }

    fn rank(&self) -> usize {
        self.rank
    }

    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure> {
        match numbers {
            Numbers::Float32(numbers) => self.send_all(to, numbers),
            Numbers::Float64(numbers) => self.send_all(to, numbers),
        }
    }

    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        match numbers {
            NumbersMut::Float32(numbers) => self.receive_all(from, numbers),
            NumbersMut::Float64(numbers) => self.receive_all(from, numbers),
        }
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        let from = self.check(from)?;
        let _turn = self.entry.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(SimpleCommunicator::world().process_at_rank(from).immediate_probe().is_some())
    }

    /// By the library's Allreduce.
    fn add_up(&self, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        match numbers {
            NumbersMut::Float32(numbers) => self.add_up_all(numbers),
            NumbersMut::Float64(numbers) => self.add_up_all(numbers),
        }
        Ok(())
    }
}

/// There is no process of this rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no process of rank {rank}; there are {size}")]
pub struct NoSuchRank {
    /// The rank.
    pub rank: usize,
    /// Number of processes.
    pub size: usize,
}

/// A process has sent another number of numbers than were expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the process of rank {from} has sent {got} numbers where {wanted} were expected: it does not do the same work")]
pub struct OtherLength {
    /// The rank of the process.
    pub from: usize,
    /// Numbers that came.
    pub got: usize,
    /// Numbers that were expected.
    pub wanted: usize,
}
