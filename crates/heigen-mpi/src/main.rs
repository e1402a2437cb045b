//! The program `heigen-mpi`: `heigen` for the processes that an MPI launcher starts.

use heigen_mpi::World;
use heigen_spectra::Communicator as _;
use mpi::Threading;
use mpi::topology::SimpleCommunicator;
use mpi::traits::Communicator as _;
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let Some((universe, threading)) = mpi::initialize_with_threading(Threading::Serialized) else {
        eprintln!("error: MPI is initialised already");
        return ExitCode::from(1);
    };
    if threading < Threading::Serialized {
        eprintln!(
            "error: this MPI library cannot be entered by threads that take turns; expected MPI_THREAD_SERIALIZED"
        );
        return ExitCode::from(1);
    }
    let world = World::new();
    let (size, neighbours) = (world.size(), world.neighbours());
    let code = heigen_cli::run_among(std::env::args_os(), Arc::new(world), neighbours);
    if code != ExitCode::SUCCESS && size > 1 {
        // The others may wait for this process for ever.
        SimpleCommunicator::world().abort(1);
    }
    drop(universe);
    code
}
