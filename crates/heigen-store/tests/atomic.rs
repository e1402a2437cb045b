//! A failed write leaves the old file and nothing else.

mod common;

use std::fs;
use std::io::{self, ErrorKind};

use common::{files, shown};
use heigen_store::atomic::{check_writable, stage_with, write, write_with};
use insta::assert_snapshot;

#[test]
fn new_and_old_files_get_the_new_content_and_missing_folders_are_made() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/c.json");
    write(&path, b"one").unwrap();
    write(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(files(path.parent().unwrap()), ["c.json"]);
}

#[test]
fn an_error_half_way_leaves_the_old_content() {
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
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.npy");
    write(&path, b"old").unwrap();
    let panicked = std::panic::catch_unwind(|| write_with(&path, |_| panic!("on purpose")));
    assert!(panicked.is_err());
    assert_eq!((fs::read(&path).unwrap(), files(dir.path())), (b"old".to_vec(), vec!["c.npy".to_owned()]));
}

#[test]
fn places_that_cannot_be_written_to_are_named() {
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
fn staged_files_get_their_names_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ["a.npy", "b.npy"].map(|name| dir.path().join(name));
    paths.iter().for_each(|path| write(path, b"old").unwrap());
    let stage = |path| stage_with(path, |file| file.write_all(b"new"));
    let staged = stage(&paths[0]).unwrap();
    assert_eq!(fs::read(&paths[0]).unwrap(), b"old");
    drop(staged);
    assert_eq!(
        (fs::read(&paths[0]).unwrap(), files(dir.path())),
        (b"old".to_vec(), vec!["a.npy".into(), "b.npy".into()])
    );
    let staged = paths.each_ref().map(|path| stage(path).unwrap());
    staged.into_iter().for_each(|staged| staged.commit().unwrap());
    assert!(paths.iter().all(|path| fs::read(path).unwrap() == b"new"));
    assert_eq!(files(dir.path()), ["a.npy", "b.npy"]);
}

#[test]
fn whether_a_place_can_be_written_to_is_known_before() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "x").unwrap();
    check_writable(&dir.path().join("a/b.npy")).unwrap();
    check_writable(&dir.path().join("file")).unwrap();
    assert_eq!(fs::read(dir.path().join("file")).unwrap(), b"x");
    assert!(check_writable(&dir.path().join("file/b.npy")).is_err());
    assert!(check_writable(&dir.path().join("a")).is_err());
    assert_eq!(files(&dir.path().join("a")), Vec::<String>::new());
}
