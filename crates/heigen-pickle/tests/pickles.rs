//! Pickles of every kind of value, and broken or malicious ones.
#![allow(missing_docs)]

use heigen_pickle::numpy::{Element, NUMPY, byte_array, entry, objects};
use heigen_pickle::{Known, Pickle, PickleError, Value, parse};
use proptest::prelude::*;

const KNOWN: Known<'static, char> = Known {
    globals: &[("collections", "OrderedDict", 'o'), ("lib", "make", 'm')],
    makes: "dictionaries",
    others: None,
};

fn read(bytes: &[u8]) -> Result<Pickle<'_, char>, PickleError> {
    parse(bytes, &KNOWN)
}

fn scalar(bytes: &[u8]) -> Value<'_, char> {
    let pickle = read(bytes).unwrap();
    pickle.value(pickle.top()).clone()
}

#[test]
fn scalars_of_every_protocol() {
    let cases: [(&[u8], Value<'_, char>); 24] = [
        (b"N.", Value::None),
        (b"\x80\x02\x88.", Value::Bool(true)),
        (b"\x89.", Value::Bool(false)),
        (b"I01\n.", Value::Bool(true)),
        (b"I00\n.", Value::Bool(false)),
        (b"I-17\n.", Value::Int(-17)),
        (b"L12345678901L\n.", Value::Int(12_345_678_901)),
        (b"K\xff.", Value::Int(255)),
        (b"M\x01\x02.", Value::Int(513)),
        (b"J\xff\xff\xff\xff.", Value::Int(-1)),
        (b"\x8a\x00.", Value::Int(0)),
        (b"\x8a\x01\x80.", Value::Int(-128)),
        (b"\x8a\x02\xff\x00.", Value::Int(255)),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", Value::Int(i64::MAX)),
        (b"\x8b\x01\x00\x00\x00\x05.", Value::Int(5)),
        (b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x80\x00.", Value::Long(&[0, 0, 0, 0, 0, 0, 0, 0x80, 0])),
        (b"G\x3f\xf8\x00\x00\x00\x00\x00\x00.", Value::Float(1.5)),
        (b"F-2.5e3\n.", Value::Float(-2500.0)),
        (b"U\x02ab.", Value::Bytes(b"ab")),
        (b"X\x02\x00\x00\x00\xc3\xa9.", Value::Bytes("é".as_bytes())),
        (b"\x8c\x01x\x94.", Value::Bytes(b"x")),
        (b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00x.", Value::Bytes(b"x")),
        (b"ccollections\nOrderedDict\n.", Value::Global('o')),
        (b"\x8c\x03lib\x8c\x04make\x93.", Value::Global('m')),
    ];
    for (bytes, value) in cases {
        assert_eq!(scalar(bytes), value, "{}", bytes.escape_ascii());
    }
}

#[test]
fn collections_refer_to_their_parts() {
    let pickle = read(b"(K\x01K\x02t(K\x03l\x86.").unwrap();
    let parts = pickle.tuple(pickle.top()).unwrap();
    assert_eq!(parts.iter().map(|&id| pickle.sizes(id).unwrap()).collect::<Vec<_>>(), [vec![1, 2], vec![3]]);
    let pickle = read(b"}(U\x01aK\x01U\x01bK\x02uU\x01aK\x03s.").unwrap();
    let value = |key| pickle.entry(pickle.top(), key).and_then(|id| pickle.size(id));
    assert_eq!((value("a"), value("b"), value("c")), (Some(3), Some(2), None), "of equal keys the last one counts");
    assert!(matches!(scalar(b"\x8f(K\x01K\x02\x90."), Value::Set(parts) if parts.len() == 2));
    let pickle = read(b"K\x012\x860K\x07.").unwrap();
    assert_eq!(pickle.size(pickle.top()), Some(7), "values can be dropped");
    assert_eq!(scalar(b"(K\x01K\x021N."), Value::None);
}

#[test]
fn an_ordered_dictionary_keeps_items_and_state() {
    let pickle = read(b"\x80\x02ccollections\nOrderedDict\nq\x00)Rq\x01(U\x01wK\x05u}q\x02U\x09_metadataNsb.").unwrap();
    let top = pickle.object(pickle.top()).unwrap();
    assert_eq!((top.of, pickle.tuple(top.arguments)), ('o', Some(&[][..])));
    assert_eq!(pickle.entry(pickle.top(), "w").and_then(|id| pickle.size(id)), Some(5));
    assert!(pickle.entry(top.state.unwrap(), "_metadata").is_some());
}

#[test]
fn a_persistent_value_is_only_its_name() {
    let pickle = read(b"(U\x07storageU\x010tQ.").unwrap();
    let &Value::Persistent(name) = pickle.value(pickle.top()) else { panic!() };
    let name: Vec<_> = pickle.tuple(name).unwrap().iter().map(|&id| pickle.text(id).unwrap()).collect();
    assert_eq!(name, ["storage", "0"]);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (bytes, name) in [
        (&b"cos\nsystem\n(S'true'\ntR."[..], "os.system"),
        (b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.", "builtins.eval"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"ccollections\nOrderedDict.update\n.", "collections.OrderedDict.update"),
        (b"ccollections.OrderedDict\n\n.", "collections.OrderedDict."),
        (b"c\x1b[2Jos\nsystem\n.", "\\u001b[2Jos.system"),
    ] {
        let error = read(bytes).unwrap_err();
        assert_eq!(error, PickleError::Call { name: name.to_owned(), makes: "dictionaries" });
    }
    let long = [b"c", &b"x".repeat(100_000)[..], b"\ny\n."].concat();
    assert!(read(&long).unwrap_err().to_string().len() < 300);
    for opcode in [b'i', b'o', b'P', 0x82, 0x83, 0x84, 0x97, b'S', b'V', 0xff] {
        let bytes = [&b"(("[..], &[opcode], b"lib\nmake\n"].concat();
        assert!(matches!(read(&bytes), Err(PickleError::Operation { opcode: o, .. }) if o == opcode));
    }
    assert_eq!(read(b"NN\x85R.").unwrap_err(), PickleError::Damaged("what is called is no function"));
}

#[test]
fn depth_needs_no_stack_and_repetition_no_memory() {
    const DEEP: usize = 1_000_000;
    let lists = [&b"]".repeat(DEEP)[..], &b"a".repeat(DEEP - 1), b"."].concat();
    assert!(matches!(scalar(&lists), Value::List(parts) if parts.len() == 1));
    let tuples = [&b")"[..], &b"\x85".repeat(DEEP), b"."].concat();
    assert!(read(&tuples).is_ok());
    // Each level holds the one before three times: 3^100,000 leaves, 200,001 bytes.
    let bomb = [&b"N"[..], &b"22\x87".repeat(100_000), b"."].concat();
    assert!(read(&bomb).is_ok());
    // One long text, recalled many times, stands once.
    let recalled = [&b"T\x00\x00\x10\x00"[..], &vec![b'x'; 1 << 20], b"q\x00", &b"h\x00".repeat(DEEP), b"."].concat();
    assert!(read(&recalled).is_ok());
    assert!(read(b"]q\x00h\x00a.").is_ok(), "a list that holds itself");
    // Numbers of the memo are no places of a table.
    assert!(read(b"Nr\xff\xff\xff\xffj\xff\xff\xff\xff.").is_ok());
}

#[test]
fn claims_of_length_are_compared_with_the_bytes_there_are() {
    for bytes in [
        &b"T\xff\xff\xff\x7fx."[..],
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffx.",
        b"\x8b\xff\xff\xff\xffx.",
        b"\x8a\xffx.",
        b"",
        b"clib",
        b"I12",
    ] {
        assert_eq!(read(bytes).unwrap_err(), PickleError::Truncated(bytes.len()));
    }
    for bytes in [&b"."[..], b"t.", b"0.", b"2.", b"\x87.", b"(u.", b"}(Nu.", b"Na.", b"h\x00.", b"Nb.", b"Ix\n."] {
        assert!(matches!(read(bytes), Err(PickleError::Damaged(_))), "{}", bytes.escape_ascii());
    }
}

#[test]
fn arrays_of_bytes_as_both_protocols_write_them() {
    for protocol in [2, 4] {
        let file = format!("{}/../../fuzz/corpus/pickle/array_protocol{protocol}", env!("CARGO_MANIFEST_DIR"));
        let bytes = std::fs::read(file).unwrap();
        let pickle = parse(&bytes, &NUMPY).unwrap();
        let array = byte_array(&pickle, entry(&pickle, "data").unwrap()).unwrap();
        assert_eq!((array.shape, array.fortran_order), (vec![1, 40], false));
        assert!(array.bytes.iter().copied().eq(0..40));
        assert!(matches!(pickle.value(entry(&pickle, "labels").unwrap()), Value::List(labels) if labels.len() == 1));
        assert!(entry(&pickle, "dat").is_none() && byte_array(&pickle, pickle.top()).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
    }

    /// Of operations that exist, so that they often succeed.
    #[test]
    fn any_operations_are_answered(
        steps in prop::collection::vec(prop::sample::select(&b"().N012}]taeuslddb\x85\x86\x87\x88\x8f\x90\x91\x94RQKhq"[..]), 0..60)
    ) {
        if let Ok(pickle) = read(&[&steps[..], b"N."].concat()) {
            let top = pickle.top();
            let _ = (pickle.items(top), pickle.entry(top, "a"), pickle.text(top), pickle.sizes(top), pickle.object(top));
        }
    }
}

#[test]
fn other_classes_are_opaque_where_the_caller_says_so() {
    let known = Known { globals: &[("lib", "make", 'm')], makes: "nothing", others: Some(|_| '?') };
    // {"path": pathlib.PosixPath("/"), "f": getattr(x.Y, "z")(), "i": Y()}, with a list's and a dictionary's subclass.
    let bytes = b"}(X\x04\x00\x00\x00pathcpathlib\nPosixPath\n(X\x01\x00\x00\x00/tR\
        X\x01\x00\x00\x00fcbuiltins\ngetattr\n(cx\nY\nX\x01\x00\x00\x00ztR)R\
        X\x01\x00\x00\x00i(ix\nY\nX\x01\x00\x00\x00lcx\nL\n)R(K\x01K\x02eX\x01\x00\x00\x00kcx\nY\n)}\x92K\x07\x85bu.";
    let pickle = parse(bytes, &known).unwrap();
    assert_eq!(pickle.others(), ["pathlib.PosixPath", "builtins.getattr", "x.Y", "x.Y", "x.L", "x.Y"]);
    for key in ["path", "f", "i", "l", "k"] {
        let object = pickle.object(pickle.entry(pickle.top(), key).unwrap()).unwrap();
        assert_eq!(object.of, '?', "{key}");
    }
    let list = pickle.object(pickle.entry(pickle.top(), "l").unwrap()).unwrap();
    assert_eq!(list.elements.len(), 2);
}

#[test]
fn elements_of_arrays_of_objects_are_numbers_and_texts() {
    let mut bytes =
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\0\x85U\x01btR(K\x01K\x05\x85".to_vec();
    bytes.extend(b"cnumpy\ndtype\n(U\x02O8\x89\x88tR\x89](X\x03\x00\x00\x00catK\x07\x88");
    bytes.extend(b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02i2\x89\x88tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbC\x02\xfe\xfftR");
    bytes.extend(b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02U2\x89\x88tRC\x08a\0\0\0b\0\0\0tRetb.");
    let pickle = parse(&bytes, &NUMPY).unwrap();
    let text = |text: &str| Element::Text(text.to_owned());
    let wanted = [text("cat"), Element::Number(7.0), Element::Number(1.0), Element::Number(-2.0), text("ab")];
    assert_eq!(objects(&pickle).unwrap(), wanted);
}
