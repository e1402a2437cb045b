//! Files as people have them, and files made to harm: each test is named after what once went wrong, or would.
#![allow(missing_docs)]

mod common;

use std::io::{self, Read};

use common::pickle::{dictionary, int, tensor, text};
use common::{archive, f32s, floats, integers, npy, texts, torch};
use heigen_formats::samples::{ClassOrder, Column, SampleOptions, Samples, csv, csv_from, npy_pair, npz};
use heigen_formats::state_dict::{StateDict, pytorch};
use heigen_formats::{DEFAULT_LIMIT, Dtype, FileKind, FormatError, Remedy, state_dict};

fn network(classes: usize) -> SampleOptions {
    SampleOptions { n_classes: Some(classes), ..SampleOptions::default() }
}

fn weights(value: &[u8]) -> Result<StateDict, FormatError> {
    pytorch(&torch(value, &[("0", &f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))]), "m.pt", None, DEFAULT_LIMIT)
}

fn part(offset: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    tensor("FloatStorage", "0", 6, offset, shape, strides)
}

/// A zip archive as PyTorch writes it: entries without compression, a directory, and behind it the end records of large
/// archives, 76 bytes, although the small record, which follows, would do.
fn pytorchs_zip(stem: &str) -> Vec<u8> {
    let pickle = [&b"\x80\x02"[..], &dictionary(&[("w", part(0, &[6], &[1]))], false), b"."].concat();
    let entries: [(&str, &[u8]); 3] =
        [("data.pkl", &pickle), ("data/0", &f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), ("version", b"3\n")];
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let name = format!("{stem}/{name}");
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
        let offset = u32::try_from(file.len()).unwrap().to_le_bytes();
        let same = [&[0; 4][..], &[0; 4], &crc.sum().to_le_bytes(), &length, &length, &name_length, &[0; 2]].concat();
        file.extend([&b"PK\x03\x04\0\0"[..], &same, name.as_bytes(), content].concat());
        directory.extend([&b"PK\x01\x02\0\0\0\0"[..], &same, &[0; 10], &offset, name.as_bytes()].concat());
    }
    let count = 3_u64.to_le_bytes();
    let (start, size) = ((file.len() as u64).to_le_bytes(), (directory.len() as u64).to_le_bytes());
    let end64 = (file.len() as u64 + directory.len() as u64).to_le_bytes();
    file.extend(directory);
    file.extend([&b"PK\x06\x06"[..], &44_u64.to_le_bytes(), &[0; 12], &count, &count, &size, &start].concat());
    file.extend([&b"PK\x06\x07\0\0\0\0"[..], &end64, &[1, 0, 0, 0]].concat());
    file.extend([&b"PK\x05\x06\0\0\0\0"[..], &[3, 0, 3, 0], &size[..4], &start[..4], &[0, 0]].concat());
    file
}

#[test]
fn a_checkpoint_whose_stem_has_21_bytes_is_not_damaged() {
    for length in 1..=80 {
        let file = pytorchs_zip(&"s".repeat(length));
        let found = pytorch(&file, "m.pt", None, DEFAULT_LIMIT).unwrap_or_else(|e| panic!("{length}: {e}"));
        assert_eq!(found.tensors[0].values, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "{length}");
    }
}

#[test]
fn safetensors_whose_length_looks_like_another_format_are_told_by_structure() {
    let file = |length: usize| {
        let header = format!("{:length$}", r#"{"__metadata__":{}}"#);
        [&(length as u64).to_le_bytes()[..], header.as_bytes()].concat()
    };
    // Lengths whose first bytes are those of a pickle, of gzip, of a zip archive and of a tensor's own.
    for length in [0x0280, 0x0480, 0x8b1f, 0x4b50, 20, 64] {
        assert_eq!(FileKind::of(&file(length)), FileKind::Safetensors, "{length}");
    }
    let cut = &file(0x0280)[..600];
    assert_eq!(FileKind::of(cut), FileKind::Pickle, "the header does not fit into the file");
    assert_eq!(FileKind::of(&archive(&[("a.npy", b"")], false)), FileKind::Zip);
    assert_eq!(FileKind::of(&floats("(1,)", &[1.0])), FileKind::Npy);
    assert_eq!(FileKind::of(b"\x1f\x8b\x08\0"), FileKind::Gzip);
    assert_eq!(FileKind::of(b"\x08\x08\x12\x07pytorch"), FileKind::Onnx);
    assert_eq!(FileKind::of(b"a,b,c\n"), FileKind::Unknown);
    assert_eq!(FileKind::of(b""), FileKind::Unknown);
}

#[test]
fn names_that_stand_twice_are_refused_by_name() {
    let twice = dictionary(&[("w", part(0, &[6], &[1])), ("w", part(0, &[6], &[1]))], false);
    assert!(weights(&twice).unwrap_err().to_string().contains("two entries `w`"));
    // The zip library writes no name twice, so the second one is changed behind its back.
    let mut file = archive(&[("a.npy", &floats("(1,)", &[1.0])), ("b.npy", &floats("(1,)", &[2.0]))], false);
    for at in 0..file.len() - 5 {
        if &file[at..at + 5] == b"b.npy" {
            file[at] = b'a';
        }
    }
    let refused = state_dict::npz(&file, "w.npz", DEFAULT_LIMIT).unwrap_err().to_string();
    assert!(refused.contains("two entries `a.npy`"), "{refused}");
}

#[test]
fn objects_among_hyper_parameters_are_skipped_and_not_made() {
    let path = b"cpathlib\nPosixPath\n(X\x01\x00\x00\x00/X\x03\x00\x00\x00tmptR".to_vec();
    let class = b"ctorch.optim.adam\nAdam\n".to_vec();
    let called = b"cos\nsystem\n(X\x02\x00\x00\x00lstR".to_vec();
    let parameters = dictionary(&[("out", path), ("optimizer", class), ("hook", called)], false);
    let state = dictionary(&[("w", part(0, &[6], &[1]))], true);
    let found = weights(&dictionary(&[("hyper_parameters", parameters), ("state_dict", state)], false)).unwrap();
    assert_eq!(found.tensors[0].name, "w");
    assert_eq!(found.notes, ["the weights are the entry `state_dict` of m.pt"]);
    // Where the weights should be, an object is refused by its class.
    let module = b"cmy.module\nNet\n)\x81".to_vec();
    for value in [module.clone(), dictionary(&[("model", module), ("epoch", int(3))], false)] {
        assert!(weights(&value).unwrap_err().to_string().contains("`my.module.Net`"));
    }
}

#[test]
fn the_choice_among_dictionaries_is_said_and_can_be_made() {
    let one = |offset| dictionary(&[("w", part(offset, &[1], &[1]))], true);
    let both = dictionary(&[("ema", one(1)), ("model", one(0))], false);
    let found = weights(&both).unwrap();
    assert_eq!(found.tensors[0].values, [1.0]);
    assert!(found.notes[0].contains("`model`") && found.notes[0].contains("beside them stand `ema`"));
    let file = torch(&both, &[("0", &f32s(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))]);
    let chosen = pytorch(&file, "m.pt", Some("ema"), DEFAULT_LIMIT).unwrap();
    assert_eq!((chosen.tensors[0].values[0], chosen.notes.len()), (2.0, 0));
    let refused = pytorch(&file, "m.pt", Some("swa"), DEFAULT_LIMIT).unwrap_err();
    assert_eq!(refused.remedy(), Some(Remedy::WeightsKey));
    let unnamed = dictionary(&[("teacher", one(1)), ("student", one(0))], false);
    assert_eq!(weights(&unnamed).unwrap_err().remedy(), Some(Remedy::WeightsKey));
}

#[test]
fn tensors_that_share_numbers_are_known() {
    let entries = [
        ("tied", part(0, &[2, 2], &[2, 1])),
        ("apart", part(4, &[2], &[1])),
        ("transposed", part(0, &[2, 2], &[1, 2])),
        ("again", part(0, &[2, 2], &[2, 1])),
    ];
    let found = weights(&dictionary(&entries, true)).unwrap();
    assert_eq!((found.tied, found.overlapping), (vec![[0, 3]], vec![[0, 2]]));
    // Columns of one matrix reach into each other's stretch and share nothing.
    let columns = [("even", part(0, &[3], &[2])), ("odd", part(1, &[3], &[2]))];
    let found = weights(&dictionary(&columns, true)).unwrap();
    assert_eq!((found.tied.len(), found.overlapping.len()), (0, 0));
}

#[test]
fn float8_tensors_have_an_element_type_of_their_own() {
    let mut value = b"ctorch._utils\n_rebuild_tensor_v3\n((".to_vec();
    value.extend([text("storage"), b"ctorch.storage\nUntypedStorage\n".to_vec(), text("8"), text("cpu")].concat());
    value.extend(
        [int(4), b"tQ".to_vec(), int(0), common::pickle::ints(&[2, 2]), common::pickle::ints(&[2, 1])].concat(),
    );
    value.extend(b"\x89ccollections\nOrderedDict\n)Rctorch\nfloat8_e4m3fn\ntR");
    let file = torch(&dictionary(&[("w", value)], false), &[("8", &[0x38, 0xb9, 0x01, 0x7e])]);
    let found = pytorch(&file, "m.pt", None, DEFAULT_LIMIT).unwrap();
    assert_eq!(
        (found.dtypes[0], &found.tensors[0].values[..]),
        (Dtype::Float8E4M3, &[1.0, -1.125, 0.001953125, 448.0][..])
    );
}

fn labelled(labels: &[u8], options: &SampleOptions) -> Result<Samples, FormatError> {
    let x = floats("(6, 1)", &[0.0, 1.5, 2.0, 3.0, 4.0, 5.5]);
    npy_pair([&x, labels], ["X.npy", "y.npy"], options)
}

#[test]
fn labels_are_read_as_people_write_them_and_the_rule_is_said() {
    let open = SampleOptions::default();
    let column = integers("(6, 1)", &[0, 1, 2, 0, 1, 2]);
    let hot: Vec<f64> =
        [0, 1, 2, 0, 1, 2].iter().flat_map(|&c| (0..3).map(move |i| f64::from(u8::from(i == c)))).collect();
    let bytes: Vec<u8> = b"cat\0\0dog\0\0horsecat\0\0dog\0\0horse".to_vec();
    let cases: [(&str, Vec<u8>, ClassOrder, &[&str]); 8] = [
        ("a column", column, ClassOrder::Index, &["0", "1", "2"]),
        ("counted from 1", integers("(6,)", &[1, 2, 3, 1, 2, 3]), ClassOrder::FromOne, &["1", "2", "3"]),
        ("gaps", integers("(6,)", &[3, 5, 8, 3, 5, 8]), ClassOrder::Ascending, &["3", "5", "8"]),
        ("one-hot", floats("(6, 3)", &hot), ClassOrder::OneHot, &["0", "1", "2"]),
        ("whole floats", floats("(6,)", &[0.0, 1.0, 2.0, 0.0, 1.0, 2.0]), ClassOrder::Index, &["0", "1", "2"]),
        ("texts", texts(&["b", "a", "c", "b", "a", "c"]), ClassOrder::FirstSample, &["b", "a", "c"]),
        ("bytes", npy("|S5", false, "(6,)", &bytes), ClassOrder::FirstSample, &["cat", "dog", "horse"]),
        ("booleans are 0 and 1", npy("|b1", false, "(6,)", &[0, 1, 0, 1, 1, 0]), ClassOrder::Index, &["0", "1", "2"]),
    ];
    for (what, labels, order, classes) in cases {
        let found = labelled(&labels, &network(3)).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(
            (found.order, &found.classes[..]),
            (order, &classes.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
            "{what}"
        );
        let wanted: &[usize] = if what.starts_with("bool") { &[0, 1, 0, 1, 1, 0] } else { &[0, 1, 2, 0, 1, 2] };
        assert_eq!(found.labels, wanted, "{what}");
    }
    let signs = integers("(6,)", &[1, -1, 1, -1, 1, -1]);
    for options in [&open, &network(2)] {
        let found = labelled(&signs, options).unwrap();
        assert_eq!(
            (found.order, &found.labels[..], &found.classes[..]),
            (ClassOrder::Signs, &[1, 0, 1, 0, 1, 0][..], &["-1".to_owned(), "1".to_owned()][..])
        );
    }
    assert_eq!(labelled(&integers("(6,)", &[1, 2, 1, 2, 1, 2]), &open).unwrap().labels, [0, 1, 0, 1, 0, 1]);
    // Of ten classes these are the second and the third.
    assert_eq!(labelled(&integers("(6,)", &[1, 2, 1, 2, 1, 2]), &network(10)).unwrap().labels, [1, 2, 1, 2, 1, 2]);
}

#[test]
fn labels_in_arrays_of_python_objects_are_read_without_running_anything() {
    let array = |elements: &[Vec<u8>], n: usize| {
        let mut pickle =
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85U\x01btR(K\x01K".to_vec();
        pickle.push(u8::try_from(n).unwrap());
        pickle.extend(b"\x85cnumpy\ndtype\n(U\x02O8\x89\x88tR\x89](");
        pickle.extend(elements.concat());
        pickle.extend(b"etb.");
        npy("|O", false, &format!("({n},)"), &pickle)
    };
    let words = ["cat", "dog", "cat", "dog", "cat", "dog"].map(text);
    assert_eq!(labelled(&array(&words, 6), &network(2)).unwrap().classes, ["cat", "dog"]);
    let whole = [1, 0, 1, 0, 1, 0].map(int);
    assert_eq!(labelled(&array(&whole, 6), &network(2)).unwrap().labels, [1, 0, 1, 0, 1, 0]);
    let none = [0; 6].map(|_| b"N".to_vec());
    let mixed = [text("a"), int(1), text("a"), int(1), text("a"), int(1)];
    let harmful = [b"cos\nsystem\n(U\x02lstR".to_vec()];
    for refused in [array(&none, 6), array(&mixed, 6), array(&harmful, 1), array(&words[..5], 6)] {
        assert!(labelled(&refused, &network(2)).is_err());
    }
}

#[test]
fn labels_that_are_no_classes_are_refused_and_no_row_is_given_up() {
    let soft = floats("(6, 2)", &[0.5, 0.5, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    let refused = [
        labelled(&integers("(6,)", &[0, 1, 2, 3, 4, 5]), &network(3)),
        labelled(&integers("(6,)", &[1_000_000_000_000, 0, 1, 0, 1, 0]), &network(3)),
        labelled(&integers("(6,)", &[-1, 0, 1, -1, 0, 2]), &network(3)),
        labelled(&integers("(6,)", &[0, 1, 0, 1, 0, 1]), &network(1)),
        labelled(&floats("(6,)", &[0.5, 1.5, 0.0, 0.0, 1.0, 1.0]), &network(3)),
        labelled(&soft, &network(2)),
        labelled(&texts(&["a", "b", "c", "a", "b", "c"]), &network(2)),
        labelled(&integers("(6,)", &[0, 0, 2, 2, 0, 2]), &SampleOptions::default()),
        labelled(&integers("(6,)", &[0, 0, 0, 0, 0, 0]), &SampleOptions::default()),
        csv(b"a,b,y\n1,,0\n2,3,1\n", "d.csv", &network(2)),
    ];
    for refused in refused {
        let message = refused.unwrap_err().to_string();
        assert!(!message.contains("leave the row") && !message.contains("remove the"), "{message}");
    }
}

#[test]
fn samples_of_one_class_have_a_loss_where_the_network_is_known() {
    let found = labelled(&integers("(6,)", &[0; 6]), &network(3)).unwrap();
    assert_eq!((found.classes.len(), &found.labels[..]), (3, &[0; 6][..]));
    let single = npy_pair([&floats("(1, 2)", &[0.0, 1.0]), &integers("(1,)", &[2])], ["X", "y"], &network(3));
    assert_eq!(single.unwrap().labels, [2]);
}

#[test]
fn classes_have_the_order_of_their_given_names() {
    let names = |names: &[&str]| SampleOptions {
        class_names: Some(names.iter().map(ToString::to_string).collect()),
        ..network(names.len())
    };
    let shuffled = texts(&["b", "a", "c", "b", "a", "c"]);
    let found = labelled(&shuffled, &names(&["a", "b", "c"])).unwrap();
    assert_eq!((found.order, &found.labels[..]), (ClassOrder::Given, &[1, 0, 2, 1, 0, 2][..]));
    let numbers = integers("(6,)", &[7, 3, 7, 3, 7, 3]);
    assert_eq!(labelled(&numbers, &names(&["7", "3"])).unwrap().labels, [0, 1, 0, 1, 0, 1]);
    assert_eq!(labelled(&shuffled, &names(&["a", "b"])).unwrap_err().remedy(), Some(Remedy::ClassNames));
}

#[test]
fn tables_of_many_programs() {
    let options = network(2);
    let plain = csv(b"a,b,y\n1.5,2,no\n2.5,3,yes\n", "d.csv", &options).unwrap();
    let same: [(&str, &[u8]); 6] = [
        ("semicolons", b"a;b;y\n1.5;2;no\n2.5;3;yes\n"),
        ("decimal commas", b"a;b;y\n1,5;2;no\n2,5;3;yes\n"),
        ("decimal commas without names", b"1,5;2;no\n2,5;3;yes\n"),
        ("tabs", b"a\tb\ty\r\n1.5\t2\tno\r\n2.5\t3\tyes\r\n"),
        ("a mark and other line ends", b"\xef\xbb\xbfa,b,y\r\n1.5,2,no\r\n2.5,3,yes\r\n"),
        ("names of rows, as R writes them", b"\"a\",\"b\",\"y\"\n\"1\",1.5,2,\"no\"\n\"2\",2.5,3,\"yes\"\n"),
    ];
    for (what, bytes) in same {
        let found = csv(bytes, "d.csv", &options).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(
            (&found.features, &found.labels, &found.classes),
            (&plain.features, &plain.labels, &plain.classes),
            "{what}"
        );
    }
    let noted = csv(b"a;b;y\n1,5;2;no\n2,5;3;yes\n", "d.csv", &options).unwrap().notes;
    assert_eq!(noted, ["values of d.csv are separated by semicolons, and numbers have decimal commas"]);
    let latin = csv(b"a,b,y\n1.5,2,gr\xfcn\n2.5,3,yes\n", "d.csv", &options).unwrap();
    assert_eq!((&latin.classes[0][..], latin.notes.len()), ("grün", 1));
    let refused = |bytes: &[u8]| csv(bytes, "d.csv", &options).unwrap_err().to_string();
    assert!(refused(b"a,b,y\n\"1,5\",2,no\n\"2,5\",3,yes\n").contains("decimal comma"));
    assert!(refused(b"a;b;y\n1.234,5;2;no\n2,5;3.5;yes\n").contains("text `1.234,5`"));
    assert!(refused(b"a;b;y\n1,5;2;no\n2,5;3.5;yes\n").contains("numbers with commas and numbers with points"));
    assert!(refused(b"a,b,y\n1,2,0\na,b,y\n1,2,1\n").contains("the first line again"));
    let wide = |width: usize| {
        let names: Vec<String> = (0..width).map(|i| format!("x{i}")).collect();
        format!("{},y\n{}0\n{}1\n", names.join(","), "0.5,".repeat(width), "1.5,".repeat(width))
    };
    assert_eq!(csv(wide(5000).as_bytes(), "d.csv", &options).unwrap().shape, [5000]);
}

#[test]
fn columns_that_number_the_rows_are_noticed_and_can_be_left_out() {
    let rows: Vec<String> = (1..=10).map(|i| format!("{i},{},7,{}", f64::from(i) * 0.7, i % 2)).collect();
    let table = format!("Id,x,same,y\n{}\n", rows.join("\n"));
    let found = csv(table.as_bytes(), "d.csv", &network(2)).unwrap();
    assert_eq!(found.shape, [3]);
    assert!(found.notes[0].contains("`Id`") && found.notes[0].contains("numbers the rows"), "{:?}", found.notes);
    assert!(found.notes[1].contains("`same`") && found.notes[1].contains("same value"), "{:?}", found.notes);
    let drop = vec![Column::Name("Id".into()), Column::Position(2)];
    let dropped = csv(table.as_bytes(), "d.csv", &SampleOptions { drop, ..network(2) }).unwrap();
    assert_eq!((&dropped.feature_names[..], dropped.notes.len()), (&["x".to_owned()][..], 0));
    let absent = SampleOptions { drop: vec![Column::Name("id".into())], ..network(2) };
    assert_eq!(csv(table.as_bytes(), "d.csv", &absent).unwrap_err().remedy(), Some(Remedy::Drop));
}

/// A table that never ends, and the number of bytes that were read of it.
struct Endless {
    read: usize,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for byte in &mut *buffer {
            *byte = b"1,2,0\n"[self.read % 6];
            self.read += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn a_table_without_end_is_read_up_to_the_limit() {
    let mut endless = Endless { read: 0 };
    let options = SampleOptions { limit: Some(1 << 20), ..network(2) };
    let refused = csv_from(&mut endless, "d.csv.gz", &options).unwrap_err();
    assert_eq!(refused.remedy(), Some(Remedy::Limit), "{refused}");
    assert!(endless.read < 2 << 20, "{} bytes were read", endless.read);
    let line = csv_from(io::repeat(b'1'), "d.csv", &options).unwrap_err();
    assert_eq!(line.remedy(), Some(Remedy::Limit), "a line without end: {line}");
}

#[test]
fn archives_and_arrays_stay_below_the_limit() {
    let zeros = npy("|u1", false, "(1048576, 4)", &vec![0; 4 << 20]);
    let bomb = archive(&[("X.npy", &zeros), ("y.npy", &integers("(2,)", &[0, 1]))], true);
    assert!(bomb.len() < 100_000);
    let options = |limit| SampleOptions { limit: Some(limit), ..network(2) };
    let refused = |limit| npz(&bomb, "d.npz", &options(limit)).unwrap_err();
    // Below 4 MiB the bytes do not fit, below 32 MiB the numbers.
    for limit in [1 << 20, 5 << 20] {
        assert_eq!(refused(limit).remedy(), Some(Remedy::Limit), "{limit}");
    }
    assert_eq!(refused(64 << 20).remedy(), None, "it fits, and its labels are too few");
    let weights = state_dict::npz(&bomb, "w.npz", 1 << 20).unwrap_err();
    assert_eq!(weights.remedy(), Some(Remedy::Limit));
}

#[test]
fn names_of_any_length_make_short_messages_without_codes_for_terminals() {
    let long = "n".repeat(100_000);
    let twice = dictionary(&[(&long, int(1)), (&long, int(1))], false);
    let escapes = dictionary(&[("\u{1b}[31mred\n", int(1))], false);
    let names: Vec<String> = (0..10_000).map(|i| format!("{long}{i}")).take(50).collect();
    let many = dictionary(&names.iter().map(|name| (name.as_str(), int(1))).collect::<Vec<_>>(), false);
    let axes = npy("<f4", false, &format!("({})", "1, ".repeat(20_000)), &[0; 8]);
    let messages = [
        weights(&twice).unwrap_err().to_string(),
        weights(&escapes).unwrap_err().to_string(),
        weights(&many).unwrap_err().to_string(),
        labelled(&axes, &network(2)).unwrap_err().to_string(),
        weights(format!("c{long}\nx\n)R").as_bytes()).unwrap_err().to_string(),
        csv(format!("a,y\n{long},0\n1,1\n").as_bytes(), "d.csv", &network(2)).unwrap_err().to_string(),
    ];
    for message in &messages {
        assert!(message.len() < 1000, "{} characters: {}", message.len(), &message[..200]);
        assert!(!message.contains(char::is_control), "{message:?}");
    }
    assert!(messages[1].contains("\\u001b[31mred\\u000a"), "{}", messages[1]);
}
