//! Where the browser for tests is, and how it is started. The tests of several crates include this file.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A command that starts a headless Chromium with a profile of its own, and nothing said by it. Nothing where there is no Chromium,
/// which is a failure with CI set.
pub(crate) fn chromium(profile: &std::path::Path) -> Option<Command> {
    let path = std::env::var_os("PATH")?;
    let found: Option<PathBuf> =
        std::env::split_paths(&path).map(|folder| folder.join("chromium")).find(|f| f.is_file());
    let Some(program) = found else {
        assert!(
            std::env::var_os("CI").is_none(),
            "there is no `chromium` on the path, and with CI set nothing is skipped"
        );
        println!("skipped: there is no `chromium` on the path");
        return None;
    };
    let mut command = Command::new(program);
    command
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Some(command)
}
