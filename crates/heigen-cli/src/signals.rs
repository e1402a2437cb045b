//! Ctrl-C, and limits on the size of files.

use crate::session::say;
use std::time::{Duration, Instant};

/// Ctrl-C ends the program at once: files are complete before they get their names, so old results or new ones stay,
/// never halves. A limit on the size of files gives an error where the file is written instead of ending the program.
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
    // Whoever writes may be held up by a reader that does not read; that must not keep the program alive.
    let said = std::thread::spawn(|| say("\ninterrupted: finished results are kept, unfinished ones were not written"));
    let begun = Instant::now();
    while !said.is_finished() && begun.elapsed() < Duration::from_millis(200) {
        std::thread::sleep(Duration::from_millis(5));
    }
    heigen_store::atomic::remove_temporary_files_and_exit(130)
}
