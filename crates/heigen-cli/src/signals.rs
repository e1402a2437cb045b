//! Handling of Ctrl-C, and of limits on the size of files.

use crate::session::say;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Whether Ctrl-C is the usual end of the command.
static QUIETLY: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C is how the command ends when all is well.
pub(crate) fn end_quietly() {
    QUIETLY.store(true, Ordering::Relaxed);
}

/// Makes Ctrl-C end the program at once. Files are complete before they get their names, so either old results stay or
/// new ones are there, and never half of one. Where a limit on the size of files is exceeded, the write fails with an
/// error, and the program is not killed.
pub(crate) fn watch() {
    if let Err(error) = ctrlc::set_handler(interrupted) {
        say(&format!("warning: Ctrl-C will leave temporary files: {error}"));
    }
    #[cfg(unix)]
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::new(false.into())) {
        say(&format!("warning: a limit on the size of files will end the program: {error}"));
    }
}

fn interrupted() {
    if QUIETLY.load(Ordering::Relaxed) {
        heigen_store::atomic::remove_temporary_files_and_exit(0)
    }
    // A reader that does not read may block the thread that writes; this must not keep the program alive.
    let said = std::thread::spawn(|| say("\ninterrupted: finished results are kept, unfinished ones were not written"));
    let begun = Instant::now();
    while !said.is_finished() && begun.elapsed() < Duration::from_millis(200) {
        std::thread::sleep(Duration::from_millis(5));
    }
    heigen_store::atomic::remove_temporary_files_and_exit(130)
}
