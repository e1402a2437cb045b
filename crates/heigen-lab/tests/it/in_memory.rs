//! Results in memory are those on disk, and no work of a lab enters the global thread pool.
//!
//! None of the tests of this program may start the global pool: it can be built only where no work has started it.

use crate::common::{Folder, imported, lab, small};
use heigen_lab::{Drawing, FigureRequest, How, Making, Parts, Store, StudyRequest, find_figure};
use heigen_store::files::{self, MemoryFolder};
use std::collections::BTreeMap;
use std::path::Path;

/// Writes a figure with all that it needs, and the study of a network from elsewhere, into a store.
fn results(folder: &Folder, store: &Store) {
    let lab = lab();
    let figure = find_figure("5").unwrap();
    let request = FigureRequest {
        store: store.clone(),
        figure,
        experiments: vec![folder.experiment("plain", &small(10))],
        how: How::default(),
        parts: Parts::default(),
        drawing: Drawing { resolution: 5, ..Drawing::paper(figure) },
        asked: None,
        folder: store.dir().join("figures"),
        making: Making::default(),
    };
    lab.draw(&request, &()).unwrap();
    // The second time everything is found.
    let weights = lab.counts().weights_read;
    lab.draw(&request, &()).unwrap();
    assert!(lab.counts().weights_read > weights);
    let (model, data) = folder.foreign();
    let request = StudyRequest {
        store: store.clone(),
        import: imported(model, data),
        asked: heigen_lab::Asked::default(),
        margin: false,
        figures: store.dir().join("figures"),
        report: store.dir().join("report"),
        making: Making::default(),
        command: None,
        live: None,
    };
    let study = lab.study(&request, &()).unwrap();
    assert_eq!(study.pictures.len(), 6, "{:?}", study.notes);
}

/// The contents of the files without measured seconds and without the path of the store.
fn contents(paths: Vec<std::path::PathBuf>, root: &Path) -> BTreeMap<String, Vec<u8>> {
    let one = |path: std::path::PathBuf| {
        let mut bytes = files::read(&path).unwrap();
        let text = ["json", "html"].iter().any(|end| path.extension().is_some_and(|e| e == *end));
        if text {
            let text = String::from_utf8(bytes).unwrap().replace(root.to_str().unwrap(), "ROOT");
            // The checksum covers the path of the weights, which is another one in every store.
            let differs = ["second", " s</td>", "\"checksum\""];
            let timeless = |line: &&str| !differs.iter().any(|word| line.contains(word));
            bytes = text.lines().filter(timeless).collect::<Vec<_>>().join("\n").into_bytes();
        }
        (path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), bytes)
    };
    paths.into_iter().map(one).collect()
}

#[test]
fn results_in_memory_are_those_on_disk_and_the_global_pool_stays_asleep() {
    fn visit(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for path in files::list(folder).unwrap() {
            if path.is_dir() { visit(&path, found) } else { found.push(path) }
        }
    }
    let folder = Folder::new();
    let (disk, memory) = (folder.store("results"), Store::memory());
    results(&folder, &disk);
    results(&folder, &memory);
    let mut on_disk = vec![];
    visit(disk.dir(), &mut on_disk);
    let on_disk = contents(on_disk, disk.dir());
    let in_memory = contents(memory.files().unwrap(), memory.dir());
    assert_eq!(on_disk.keys().collect::<Vec<_>>(), in_memory.keys().collect::<Vec<_>>());
    assert!(on_disk.len() > 30, "{:?}", on_disk.keys());
    for (name, bytes) in &on_disk {
        assert!(*bytes == in_memory[name], "{name} differs");
    }
    assert!(!Path::new(memory.dir()).exists());
    // The files of a store are gone with its last clone.
    let (dir, clone) = (memory.dir().to_owned(), memory.at_seed(1));
    drop(memory);
    assert!(files::exists(&dir));
    drop(clone);
    assert!(!files::exists(&dir));
    assert_ne!(MemoryFolder::new().dir(), dir);
    assert!(rayon::ThreadPoolBuilder::new().num_threads(1).build_global().is_ok(), "some work entered the global pool");
}
