//! A failed write leaves the old file and nothing else.

mod common;

use std::fs;
use std::io::{self, ErrorKind};
use std::sync::Mutex;

use common::{files, shown};
use heigen_store::atomic::{remove_temporary_files, write, write_with};
use insta::assert_snapshot;

/// The registry of temporary files is one for the whole process: tests that write must not meet the one that clears it.
static ALONE: Mutex<()> = Mutex::new(());

#[test]
fn new_and_old_files_get_the_new_content_and_missing_folders_are_made() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/c.json");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(files(path.parent().unwrap()), ["c.json"]);
}

#[test]
fn an_error_half_way_leaves_the_old_content() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.npy");
    write(&path, b"old").unwrap();
    let mut messages = Vec::new();
    for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
        let error = write_with(&path, |file| {
            file.write_all(&vec![7; 5_000_000])?;
            Err(io::Error::from(kind))
        });
        messages.push(shown(&error.unwrap_err(), dir.path()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(files(dir.path()), ["c.npy"]);
    }
    assert_snapshot!("errors_half_way", messages.join("\n"));
}

#[test]
fn a_panic_half_way_leaves_the_old_content() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.npy");
    write(&path, b"old").unwrap();
    let panicked = std::panic::catch_unwind(|| write_with(&path, |_| panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!((fs::read(&path).unwrap(), files(dir.path())), (b"old".to_vec(), vec!["c.npy".to_owned()]));
}

#[test]
fn places_that_cannot_be_written_to_are_named() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    fs::create_dir_all(dir.path().join("folder/inside")).unwrap();
    let messages = ["file/c.npy", "file/a/c.npy", "folder"].map(|path| {
        let error = write(&dir.path().join(path), b"new").unwrap_err();
        shown(&error, dir.path())
    });
    assert_snapshot!("places_that_cannot_be_written_to", messages.join("\n"));
    assert_eq!(files(dir.path()), ["file", "folder"]);
    assert!(write(std::path::Path::new(".."), b"").is_err());
}

#[test]
fn the_handler_of_ctrl_c_removes_what_is_half_written() {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.npy");
    write(&path, b"old").unwrap();
    assert_eq!(remove_temporary_files(), 0);
    let outcome = write_with(&path, |file| {
        file.write_all(b"half")?;
        assert_eq!(files(dir.path()).len(), 2);
        assert_eq!(remove_temporary_files(), 1);
        assert_eq!(files(dir.path()), ["c.npy"]);
        Ok(())
    });
    assert!(outcome.is_err(), "the renaming finds nothing");
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(remove_temporary_files(), 0);
}
