//! Labelled samples: how labels become classes, and why rows and columns are refused.
#![allow(missing_docs)]

mod common;

use common::{archive, floats, integers, npy, texts};
use heigen_formats::samples::{Column, Numbers, SampleOptions, Samples, TargetKind, csv, idx_pair, npy_pair, npz, tsv};
use heigen_formats::{FormatError, Remedy};
use proptest::prelude::*;

const ONE_LINE_EACH: &str = "x,y,label\n0.5,1,0\n1.5,2,1\n2.5,3,0\n3.5,4,1\n";

fn read(text: &str) -> Result<Samples, FormatError> {
    csv(text.as_bytes(), "t.csv", &SampleOptions::default())
}

fn with(text: &str, label_column: Option<Column>, header: Option<bool>) -> Result<Samples, FormatError> {
    csv(text.as_bytes(), "t.csv", &SampleOptions { label_column, header, ..SampleOptions::default() })
}

fn reason<T: std::fmt::Debug>(result: Result<T, FormatError>) -> String {
    result.unwrap_err().to_string()
}

fn named(column: &str) -> Column {
    Column::Name(column.to_owned())
}

#[test]
fn numbers_are_indices_and_texts_are_classes_in_their_order() {
    let found = read(ONE_LINE_EACH).unwrap();
    assert_eq!((found.features.len(), &found.features[..2], &found.shape[..]), (8, &[0.5, 1.0][..], &[2][..]));
    assert_eq!(
        (found.labels, &found.classes[..], &found.feature_names[..]),
        (vec![0, 1, 0, 1], &["0", "1"].map(String::from)[..], &["x", "y"].map(String::from)[..])
    );
    let found = read("1,b\n2,a\n3,b\n4,a\n").unwrap();
    assert_eq!((found.labels, found.classes), (vec![0, 1, 0, 1], vec!["b".to_owned(), "a".to_owned()]));
    assert!(found.feature_names.is_empty(), "numbers in the first line are no header");
    let found = read("v,kind\n1,2.0\n2,1\n3,1e0\n4,0\n5,2\n6,0\n").unwrap();
    assert_eq!(found.labels, [2, 1, 1, 0, 2, 0], "whole numbers however they are written");
    let found = read("v,kind\n1,1\n2,1\n3,x\n4,x\n").unwrap();
    assert_eq!(found.classes, ["1", "x"], "one text makes all of them texts");
    let found = read("v,kind\n1,none\n2,none\n3,-\n4,-\n").unwrap();
    assert_eq!(found.classes, ["none", "-"]);
}

#[test]
fn the_label_column_is_named_or_usual_or_last() {
    let labels = |found: Result<Samples, FormatError>| found.unwrap().labels;
    let table = "a,Class,b\n5,0,0\n6,1,0\n7,1,1\n8,0,1\n";
    assert_eq!(labels(read(table)), [0, 1, 1, 0], "by its usual name");
    assert_eq!(read(table).unwrap().feature_names, ["a", "b"]);
    assert_eq!(labels(with(table, Some(named("b")), None)), [0, 0, 1, 1]);
    assert_eq!(labels(with(table, Some(Column::Position(1)), None)), [0, 1, 1, 0]);
    assert_eq!(labels(with(table, Some(Column::Position(-1)), None)), [0, 0, 1, 1]);
    assert_eq!(labels(with("0,5\n1,6\n1,7\n0,8\n", Some(Column::Position(0)), None)), [0, 1, 1, 0]);
    assert_eq!(labels(read("x,y,label\n1,5,0\n2,6,0\n3,7,1\n4,8,1\n")), [0, 0, 1, 1], "y is a coordinate beside label");
    assert_eq!(labels(with("0,1\n5,0\n6,1\n7,1\n8,0\n", None, Some(true))), [0, 1, 1, 0], "told that it is a header");
    let numbered = read("0,1,target\n5,5,0\n6,6,0\n7,7,1\n8,8,1\n").unwrap();
    assert_eq!(numbered.feature_names, ["0", "1"], "a usual name makes numbers a header");
}

#[test]
fn what_writers_of_tables_differ_in() {
    let plain = read(ONE_LINE_EACH).unwrap();
    assert_eq!(read(&format!("\u{feff}{}", ONE_LINE_EACH.replace('\n', "\r\n"))).unwrap(), plain);
    assert_eq!(read(&ONE_LINE_EACH.replace(',', " , ").replace("1.5", "\"1.5\"")).unwrap(), plain);
    assert_eq!(read(&ONE_LINE_EACH.replace("\n2.5", "\n\n\n2.5")).unwrap(), plain);
    assert_eq!(read(ONE_LINE_EACH.trim_end()).unwrap(), plain);
    let tabs = ONE_LINE_EACH.replace(',', "\t");
    assert_eq!(tsv(tabs.as_bytes(), "t.tsv", &SampleOptions::default()).unwrap(), plain);
}

#[test]
fn tables_are_refused_with_line_and_column() {
    let changed = |from: &str, to: &str| reason(read(&ONE_LINE_EACH.replace(from, to)));
    let bytes = |bytes: &[u8]| reason(csv(bytes, "t.csv", &SampleOptions::default()));
    let reasons = [
        changed("2.5,", ","),
        changed("2.5,", "NA,"),
        changed("2.5,", "inf,"),
        changed("2.5,", "blue,"),
        changed("2.5,", "\"2,5\","),
        changed("2.5,3,0", "2.5,3"),
        changed("2.5,3,0", "2.5,3,"),
        changed("2.5,3,0", "2.5,3,nan"),
        changed("2.5,3,0", "2.5,3,-1"),
        changed("2.5,3,0", "2.5,3,0.5"),
        changed("2.5,3,0", "2.5,3,10000"),
        changed("2.5,3,0", "2.5,3,inf"),
        reason(read("\n\n1,5\n\n2,\"a\nb\"\n3\n")),
        reason(read("1,5,0\n2,6,0\nx,7,1\n4,8,1\n")),
        reason(read("x,label\n1,0\n2,0\n3,2\n4,2\n")),
        reason(read("x,label\n1,0\n2,0\n3,1\n")),
        reason(read("x,label\n1,a\n2,a\n3,b\n")),
        reason(read("x,label\n1,a\n2,a\n")),
        reason(read("x,label\n1,a\n")),
        reason(read("x,label\n")),
        reason(read(",x,label\n0,5,0\n1,6,0\n2,7,1\n3,8,1\n")),
        reason(read("")),
        reason(read("\n")),
        reason(read("label\n0\n1\n")),
        reason(read("x;label\n1;0\n2;1\n")),
        reason(read("x\tlabel\n1\t0\n2\t1\n")),
        reason(with(ONE_LINE_EACH, Some(named("kind")), None)),
        reason(with(ONE_LINE_EACH, Some(named("kind")), Some(false))),
        reason(with(ONE_LINE_EACH, Some(Column::Position(3)), None)),
        reason(with(ONE_LINE_EACH, Some(Column::Position(-4)), None)),
        reason(with("a,a,b\n1,2,3\n", Some(named("a")), None)),
        bytes(b"x,label\n1,0\n2,\xff\n"),
        bytes(b"\xff\xfex\0,\0y\0"),
        bytes(b"PK\x03\x04\0\0"),
        reason(read(&format!("x,label\n{}", (0..10_001).map(|i| format!("1,name{i}")).collect::<Vec<_>>().join("\n")))),
        reason(read(&format!("x,{}\n1,2\n", "\u{1b}[31m".repeat(50)))),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn arrays_of_samples() {
    let x = floats("(4, 1, 2)", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
    let y = integers("(4,)", &[1, 0, 1, 0]);
    let found = npy_pair([&x, &y], ["X.npy", "y.npy"], &SampleOptions::default()).unwrap();
    assert_eq!((&found.shape[..], &found.labels[..], found.features[7]), (&[1, 2][..], &[1, 0, 1, 0][..], 8.0));
    let options = SampleOptions::default();
    assert_eq!(npz(&archive(&[("X.npy", &x), ("y.npy", &y)], true), "d.npz", &options).unwrap(), found);
    let named =
        SampleOptions { features_key: Some("images".into()), labels_key: Some("kinds".into()), ..options.clone() };
    let other = archive(&[("images.npy", &x), ("kinds.npy", &y), ("X.npy", b"")], false);
    assert_eq!(npz(&other, "d.npz", &named).unwrap(), found);
    for labels in [npy("|b1", false, "(4,)", &[1, 0, 1, 0]), floats("(4,)", &[1.0, 0.0, 1.0, 0.0])] {
        assert_eq!(npy_pair([&x, &labels], ["X", "y"], &SampleOptions::default()).unwrap(), found);
    }
    let named = npy_pair([&x, &texts(&["cat", "dog", "cat", "dog"])], ["X", "y"], &SampleOptions::default()).unwrap();
    assert_eq!((named.labels, named.classes), (vec![0, 1, 0, 1], vec!["cat".to_owned(), "dog".to_owned()]));

    let pair = |x: &[u8], y: &[u8]| reason(npy_pair([x, y], ["X.npy", "y.npy"], &SampleOptions::default()));
    let reasons = [
        pair(&x, &integers("()", &[1])),
        pair(&x, &integers("(3,)", &[1, 0, 1])),
        pair(&floats("(4,)", &[1.0; 4]), &y),
        pair(&floats("(4, 0)", &[]), &y),
        pair(&floats("(0, 4)", &[]), &integers("(0,)", &[])),
        pair(&floats("(4, 1)", &[1.0, 2.0, f64::NAN, 4.0]), &y),
        pair(&x, &floats("(4,)", &[0.0, 0.5, 1.0, 1.0])),
        pair(&x, &integers("(4,)", &[0, 1, -7, 1])),
        pair(&x, &integers("(4,)", &[0, 3, 0, 3])),
        pair(&texts(&["a"]), &y),
        reason(npz(&other, "d.npz", &SampleOptions { features_key: Some("images".into()), ..options.clone() })),
        reason(npz(&archive(&[], false), "d.npz", &options)),
        reason(npz(b"\x93NUMPY", "d.npz", &options)),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

fn idx(dtype: u8, shape: &[u32], content: &[u8]) -> Vec<u8> {
    let axes = u8::try_from(shape.len()).unwrap();
    let lengths: Vec<u8> = shape.iter().flat_map(|n| n.to_be_bytes()).collect();
    [&[0, 0, dtype, axes], &lengths[..], content].concat()
}

#[test]
fn idx_of_every_type_and_up_to_four_axes() {
    let labels = idx(8, &[4], &[0, 1, 0, 1]);
    let read = |x: &[u8], y: &[u8]| idx_pair([x, y], ["images", "labels"], &SampleOptions::default());
    let found = read(&idx(8, &[4, 1, 1, 2], &[1, 2, 3, 4, 5, 6, 7, 255]), &labels).unwrap();
    assert_eq!((&found.shape[..], found.features[7], &found.labels[..]), (&[1, 1, 2][..], 255.0, &[0, 1, 0, 1][..]));
    let shorts: Vec<u8> = [-1i16, 2, 3, 4].iter().flat_map(|v| v.to_be_bytes()).collect();
    let words: Vec<u8> = [-1i32, 2, 3, 4].iter().flat_map(|v| v.to_be_bytes()).collect();
    let singles: Vec<u8> = [-1f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    let doubles: Vec<u8> = [-1f64, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    for (dtype, content) in [(9, vec![255, 2, 3, 4]), (11, shorts), (12, words), (13, singles), (14, doubles)] {
        assert_eq!(read(&idx(dtype, &[4, 1], &content), &labels).unwrap().features, [-1.0, 2.0, 3.0, 4.0]);
    }
    let refused = |x: &[u8]| reason(read(x, &labels));
    let reasons = [
        refused(b""),
        refused(b"\x1f\x8b\x08\x00"),
        refused(b"\0\0\x08"),
        refused(b"\0\0\x08\x02\0\0\0\x04"),
        refused(&idx(7, &[4, 1], &[0; 4])),
        refused(&idx(8, &[4, 2], &[0; 4])),
        refused(&idx(8, &[u32::MAX; 4], &[0; 4])),
        refused(&idx(8, &[1; 5], &[0; 1])),
        refused(&idx(8, &[], &[0; 1])),
        refused(&labels),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "[0-9a,.\"\n\t \r;-]{0,80}", position in -4i64..4, header in any::<Option<bool>>()) {
        for label_column in [None, Some(Column::Position(position)), Some(named("a"))] {
            if let Ok(found) = with(&text, label_column, header) {
                prop_assert_eq!(found.features.len(), found.labels.len() * found.shape[0]);
                prop_assert!(found.labels.iter().all(|&label| label < found.classes.len()));
            }
        }
    }

    #[test]
    fn changed_arrays_are_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut x = floats("(4, 2)", &[1.0; 8]);
        let mut y = texts(&["a", "b", "a", "b"]);
        let mut images = idx(8, &[4, 2], &[0; 8]);
        for (place, byte) in &changes {
            for bytes in [&mut x, &mut y, &mut images] {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
        }
        let _ = npy_pair([&x, &y], ["X", "y"], &SampleOptions::default());
        let _ = npz(&archive(&[("X.npy", &x), ("y.npy", &y)], false), "d.npz", &SampleOptions::default());
        let _ = idx_pair([&images, &images], ["images", "labels"], &SampleOptions::default());
    }
}

#[test]
fn an_error_says_which_setting_mends_it() {
    let kind = SampleOptions { label_column: Some(Column::Name("kind".to_owned())), ..SampleOptions::default() };
    let table = b"x,y\n1,0\n2,0\n3,1\n4,1\n";
    let of = |text: &[u8], options: &SampleOptions| csv(text, "t.csv", options).unwrap_err().remedy();
    assert_eq!(of(table, &kind), Some(Remedy::LabelColumn));
    assert_eq!(of(b"x,y\n1,0\nblue,0\n", &SampleOptions::default()), Some(Remedy::LabelColumn));
    assert_eq!(of(b"x,y\n1,0\n,0\n", &SampleOptions::default()), None, "a missing value has to be filled in");
    let features = floats("(2, 1)", &[1.0, 2.0]);
    let missing = |entries: &[(&str, &[u8])]| npz(&archive(entries, false), "d.npz", &SampleOptions::default());
    assert_eq!(missing(&[("x.npy", &features)]).unwrap_err().remedy(), Some(Remedy::FeaturesKey));
    assert_eq!(missing(&[("X.npy", &features)]).unwrap_err().remedy(), Some(Remedy::LabelsKey));
}

#[test]
fn numbers_are_targets_where_they_are_asked_for() {
    let text = "a,first,b,second\n1,.5,2,7\n3,-1.5,4,8.25\n5,2,6,9\n";
    let options = SampleOptions {
        label_column: Some(Column::Name("first".to_owned())),
        more_label_columns: vec![Column::Name("second".to_owned())],
        targets: TargetKind::Numbers,
        ..SampleOptions::default()
    };
    let found = csv(text.as_bytes(), "t.csv", &options).unwrap();
    assert_eq!((found.shape, found.features), (vec![2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(found.numbers, Some(Numbers { values: vec![0.5, 7.0, -1.5, 8.25, 2.0, 9.0], width: 2 }));
    assert_eq!((found.labels, found.feature_names), (vec![0; 3], vec!["a".to_owned(), "b".to_owned()]));
    let missing = SampleOptions { more_label_columns: vec![Column::Name("third".to_owned())], ..options.clone() };
    let error = csv(text.as_bytes(), "t.csv", &missing).unwrap_err().to_string();
    assert!(error.contains("one named `third`"), "{error}");
    let texts = csv(b"a,first\n1,yes\n2,no\n", "t.csv", &SampleOptions { more_label_columns: vec![], ..options });
    assert!(texts.unwrap_err().to_string().contains("numbers as targets"));
}

/// A label that a loss ignores was no class, and the whole file was refused.
#[test]
fn samples_with_the_ignored_label_are_left_out() {
    let options = SampleOptions { ignore_index: Some(-100), n_classes: Some(3), ..SampleOptions::default() };
    let found = csv(b"a,b,y\n1,2,0\n3,4,-100\n5,6,2\n7,8,-100\n", "t.csv", &options).unwrap();
    assert_eq!((found.features, found.labels), (vec![1.0, 2.0, 5.0, 6.0], vec![0, 2]));
    assert!(
        found.notes.iter().any(|note| note.starts_with("2 samples of t.csv with the label -100")),
        "{:?}",
        found.notes
    );
    // A class that is wrong is still named by its own line.
    let error = csv(b"a,b,y\n1,2,0\n3,4,-100\n5,6,7\n", "t.csv", &options).unwrap_err().to_string();
    assert!(error.contains("the label 7") && error.contains('4'), "{error}");
    // Other labels stay what they were.
    assert!(csv(b"a,b,y\n1,2,0\n3,4,-1\n", "t.csv", &options).is_err());
}
