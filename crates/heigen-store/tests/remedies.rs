//! Errors that the caller can mend say how, in terms of options and not of any face's flags.
#![allow(missing_docs)]

use heigen::config::{DatasetSpec, FileArgs, ImageArgs};
use heigen_store::image_folder::ImageFolder;
use heigen_store::{FileOption, Remedy, StoreError, catalogue, own_data};

#[test]
fn every_error_that_an_option_mends_says_which_and_names_no_flag() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("mine")).unwrap();
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join("mine").join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let table = file("t.csv", b"x,y\n1,0\n2,0\n3,1\n4,1\n");
    let array = file("x.npy", b"\x93NUMPY");
    let long = file("long.json", &vec![b' '; 3 << 20]);
    let read = |args: FileArgs| own_data::read(&args).unwrap_err();
    let args = |path: &str| FileArgs { path: path.to_owned(), ..FileArgs::default() };
    let images = ImageFolder::new(dir.path());
    let cifar = DatasetSpec::Cifar10(ImageArgs {
        random: false,
        seed: 0,
        class_list: vec![0, 1],
        num_samples_per_cls: 1,
        train: true,
    });
    let cases = [
        (catalogue::load("gaus/normal").unwrap_err(), Remedy::Catalogue),
        (catalogue::load(&long).unwrap_err(), Remedy::Catalogue),
        (images.dataset(&cifar).unwrap_err(), Remedy::ImageFolder),
        (read(args(&array)), Remedy::Give(FileOption::LabelsPath)),
        (
            read(FileArgs { label_column: Some("kind".to_owned()), ..args(&table) }),
            Remedy::Give(FileOption::LabelColumn),
        ),
        (read(FileArgs { labels_key: Some("y".to_owned()), ..args(&table) }), Remedy::LeaveOut(FileOption::LabelsKey)),
        (read(FileArgs { header: Some(true), ..args(&array) }), Remedy::LeaveOut(FileOption::Header)),
    ];
    for (error, remedy) in cases {
        assert_eq!(error.remedy(), Some(remedy), "{error}");
        let said = error.to_string();
        assert!(!said.contains("--") && !said.contains("HEIGEN") && !said.contains("`heigen"), "{said}");
    }
    let none: StoreError = read(args(&dir.path().join("absent.csv").display().to_string()));
    assert_eq!(none.remedy(), None, "{none}");
}
