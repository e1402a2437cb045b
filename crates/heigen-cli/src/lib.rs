//! The command line of heigen, which studies the curvature of a trained classifier's loss and its decision boundary.
//!
//! Arguments become requests to the lab; the lab's notes and errors become text, with remedies in terms of this command
//! line. Results and tables go to stdout, and everything that is said about them goes to stderr. Exit codes: 0 done, 1
//! failed, 2 wrong usage, 130 interrupted.
//!
//! The program is a library so that other packages can ship it: they call [`main`], or [`run`] with their own
//! arguments, or [`run_among`] where several processes do its work together.

mod args;
mod bars;
mod commands;
mod describe;
mod describe_attribution;
mod face;
pub mod machine;
mod remedy;
mod session;
mod signals;
mod wording;

use args::{Arguments, Command, Gathered};
use clap::Parser;
use heigen_spectra::{Communicator, InAnyOrder};
use session::{Shared, say};
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Runs the program with the arguments of the process.
pub fn main() -> ExitCode {
    run(std::env::args_os())
}

/// Time that the process of rank 0 has to say why it failed, before another one that failed, too, says it.
const FIRST_WORD: Duration = Duration::from_secs(2);

/// Runs the program with `arguments`, the first of which is the program's name, as one of the processes that `communicator`
/// connects, of which `neighbours` run on this machine and share its memory. All are to be given the same arguments. They share the sums
/// over samples, and the one of rank 0 alone writes; or, for `reproduce` and `study`, they are dealt whole tasks. The one of rank 0 alone
/// says something. An outcome that is no success may be that of this process alone: the others wait for it then.
pub fn run_among(
    arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    communicator: Arc<dyn Communicator>,
    neighbours: usize,
) -> ExitCode {
    let (rank, size) = (communicator.rank(), communicator.size());
    machine::share_with(neighbours);
    if rank > 0 {
        bars::silence();
    }
    let outcome = match Arguments::try_parse_from(arguments) {
        Ok(arguments) if size > 1 && is_for_one(&arguments.command) => Err(anyhow::anyhow!(
            "`explore`, `gather` and `reproduce classics` are for one process: several cannot share their work"
        )),
        Ok(arguments) => {
            let tasks = matches!(arguments.command, Command::Reproduce(_) | Command::Study(_));
            let communicator: Arc<dyn Communicator> =
                if arguments.allreduce { Arc::new(InAnyOrder(communicator)) } else { communicator };
            session::join(communicator, if tasks { Shared::Tasks } else { Shared::Sums });
            work(arguments)
        }
        Err(error) => {
            if !bars::silent() {
                // A closed terminal is no reason for another code.
                let _ = error.print();
            }
            if rank > 0 {
                // The end of this process ends that of rank 0, which says what is wrong.
                std::thread::sleep(FIRST_WORD);
            }
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match outcome {
        Err(error) if rank > 0 => {
            std::thread::sleep(FIRST_WORD);
            bars::last_word(&format!("error in the process of rank {rank}: {}", remedy::of(&error)));
            ExitCode::from(1)
        }
        outcome => code(outcome),
    }
}

/// Runs the program with `arguments`, the first of which is the program's name. Wrong usage ends the process.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    let arguments = Arguments::parse_from(arguments);
    if arguments.allreduce {
        session::usage("--allreduce is about the sums of several processes: mpirun -n N heigen-mpi COMMAND");
    }
    code(work(arguments))
}

/// Whether a command does things in an order in which processes would not meet, and is no list of tasks.
fn is_for_one(command: &Command) -> bool {
    match command {
        Command::Explore(_) | Command::Gather(_) => true,
        Command::Reproduce(a) => a.figures.first().is_some_and(|first| first == "classics"),
        _ => false,
    }
}

fn code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {}", remedy::of(&error)));
            ExitCode::from(1)
        }
    }
}

fn work(arguments: Arguments) -> anyhow::Result<()> {
    signals::watch();
    match arguments.command {
        Command::Train(a) => commands::train::run(&a),
        Command::Hessian(a) => commands::spectrum::run(&a),
        Command::Analyze(a) => commands::study::run(&a),
        Command::Attribute(a) => commands::attribute::run(&a),
        Command::Boundary(a) => commands::boundary::run(&a),
        Command::Explore(a) => commands::explore::run(&a),
        Command::Follow(a) => commands::follow::run(&a),
        Command::Figure(a) => commands::figures::run(&a),
        Command::Plot(a) => commands::figures::run_plot(&a),
        Command::Reproduce(a) => commands::reproduce::run(&a, commands::part(a.shard)),
        Command::Study(a) => commands::factorial::run(&a, commands::part(a.shard)),
        Command::Gather(a) => match a.of {
            Gathered::Reproduce(a) => commands::reproduce::run(&a, commands::gathered(a.shard)),
            Gathered::Study(a) => commands::factorial::run(&a, commands::gathered(a.shard)),
        },
        Command::List(a) => commands::experiments::run(&a),
        Command::Show(a) => commands::show::run(&a),
        Command::Data(a) => commands::image_sets::run(&a),
    }
}
