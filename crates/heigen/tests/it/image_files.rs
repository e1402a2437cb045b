//! Tests of the formats of MNIST and CIFAR-10: the published files, and broken or malicious ones.

use crate::common::Golden;
use heigen::config::ImageArgs;
use heigen::data::{ImageFileError, Images, cifar10_binary, cifar10_python, mnist, split};
use proptest::prelude::*;
use std::io::Read;
use std::path::PathBuf;

fn fixture(file: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/cifar_lookalike").join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn digits() -> (Vec<u8>, Vec<u8>) {
    let read = |what: &str| {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../../datasets/mnist10k-{what}-ubyte.gz"));
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
        bytes
    };
    (read("images-idx3"), read("labels-idx1"))
}

fn args(class_list: &[usize], per_class: usize) -> ImageArgs {
    ImageArgs { random: false, seed: 28, class_list: class_list.to_vec(), num_samples_per_cls: per_class, train: false }
}

#[test]
fn digits_are_chosen_as_the_reference_does() {
    let golden = Golden::open("mnist017_cnn");
    let (images, labels) = digits();
    let all = mnist(&images, &labels).unwrap();
    assert_eq!((all.len(), all.shape), (10_000, [1, 28, 28]));
    let data = all.choose(&args(&[0, 1, 7], 300), "digits").unwrap();
    assert_eq!((data.n_samples(), &data.shape[..], data.n_classes), (900, &[1, 28, 28][..], 3));
    assert_eq!(data.labels, [vec![0; 300], vec![1; 300], vec![2; 300]].concat());
    // The golden file names the training images by their index in the file.
    let train = data.subset(&split(900, 0.5, 0.2).train);
    for (n, &index) in golden.get("train_index").usize().iter().enumerate() {
        let pixels = images[16 + 784 * index..16 + 784 * (index + 1)].iter().map(|&p| f32::from(p));
        assert!(train.features[784 * n..784 * (n + 1)].iter().copied().eq(pixels), "training image {n}");
    }
    assert_eq!(train.labels[..48], golden.get("y").usize());
    let few = all.choose(&args(&[5], 2000), "digits").unwrap();
    assert_eq!(few.n_samples(), all.per_class()[5], "all that there are");
    let mut random = args(&[3, 4], 50);
    random.random = true;
    let mut permuted = [vec![0; 50], vec![1; 50]].concat();
    heigen::data::permute_image_labels(&mut permuted, 28);
    assert_eq!(all.choose(&random, "digits").unwrap().labels, permuted);
}

#[test]
fn both_versions_of_cifar10_are_the_same_images() {
    let bytes = fixture("cifar-10-batches-bin/test_batch.bin");
    let binary = cifar10_binary(&bytes).unwrap();
    assert_eq!((binary.len(), binary.shape, binary.per_class()), (80, [3, 32, 32], [8; 10]));
    assert_eq!((binary.labels[1], &binary.pixels[3072..6144]), (bytes[3073], &bytes[3074..6146]));
    assert_eq!(cifar10_python(&fixture("cifar-10-batches-py/test_batch")).unwrap(), binary);
    let first =
        Images { pixels: binary.pixels[..30_720].to_vec(), labels: binary.labels[..10].to_vec(), ..binary.clone() };
    for protocol in [2, 4] {
        assert_eq!(cifar10_python(&fixture(&format!("python3_protocol{protocol}.pkl"))).unwrap(), first);
    }
    // Axes 1 and 3 of [N, height, width, channels] are exchanged: [N, channels, width, height].
    let data = binary.clone().transposed().choose(&args(&[6], 1), "look-alike").unwrap();
    let n = binary.labels.iter().position(|&y| y == 6).unwrap();
    for (c, x, y) in [(0, 0, 1), (1, 5, 30), (2, 31, 2)] {
        assert_eq!(data.features[c * 1024 + x * 32 + y], f32::from(binary.pixels[n * 3072 + c * 1024 + y * 32 + x]));
    }
}

#[test]
fn broken_files_are_refused_with_the_reason() {
    let (images, labels) = digits();
    let reason = |images: &[u8], labels: &[u8]| mnist(images, labels).unwrap_err().to_string();
    let mut claims = images.clone();
    claims[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    let mut large = labels.clone();
    large[100] = 10;
    let mut narrow = images.clone();
    narrow[15] = 14;
    narrow[7] = 0x20;
    narrow[6] = 0x4e;
    let fewer = [&labels[..4], &9999u32.to_be_bytes(), &labels[8..10_007]].concat();
    let texts = [
        reason(&labels, &labels),
        reason(&images[..10], &labels),
        reason(&images[..images.len() - 1], &labels),
        reason(&claims, &labels),
        reason(&narrow, &labels),
        reason(&images, &large),
        reason(&images, &fewer),
        cifar10_binary(&fixture("cifar-10-batches-bin/test_batch.bin")[1..]).unwrap_err().to_string(),
        cifar10_binary(&[10; 3073]).unwrap_err().to_string(),
        cifar10_python(&fixture("cifar-10-batches-py/test_batch")[..5000]).unwrap_err().to_string(),
        cifar10_python(b"\x80\x02]q\x00.").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_pickle_executes_nothing() {
    let marker = std::env::temp_dir().join(format!("heigen-pickle-{}", std::process::id()));
    let command = format!("touch {}", marker.display());
    let mut attack = b"\x80\x02cos\nsystem\nU".to_vec();
    attack.push(u8::try_from(command.len()).unwrap());
    attack.extend(command.as_bytes());
    attack.extend(b"\x85R.");
    let error = cifar10_python(&attack).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the pickle asks to call os.system; only NumPy's arrays are made, nothing is executed"
    );
    for (name, attack) in [
        ("builtins.eval", &b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93."[..]),
        ("posix.system", b"cposix\nsystem\n(S'true'\ntR."),
        ("numpy.f2py", b"cnumpy\nf2py\n."),
    ] {
        assert!(cifar10_python(attack).unwrap_err().to_string().contains(name), "{name}");
    }
    // Opcodes for objects by class, persistent names and extensions, which plain data do not need.
    for opcode in [b'i', b'o', b'P', b'Q', 0x81, 0x82, 0x92] {
        let error = cifar10_python(&[0x80, 2, opcode]).unwrap_err();
        assert!(matches!(error, ImageFileError::Pickle(_)), "{error}");
    }
    assert!(!marker.exists());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any bytes give an answer: there is no panic, and there are no more images than the bytes hold.
    #[test]
    fn any_bytes_are_answered(
        mutations in prop::collection::vec((0usize..40_000, any::<u8>()), 1..6),
        cut in 0usize..40_000,
        noise in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        for file in ["python3_protocol2.pkl", "python3_protocol4.pkl"] {
            let mut bytes = fixture(file);
            for &(place, byte) in &mutations {
                // Most of a file consists of pixels, so half of the changes are made near its ends.
                let n = bytes.len();
                let place = if place % 2 == 0 { place % n } else if place % 4 == 1 { place % 200 } else { n - 1 - place % 200 };
                bytes[place] = byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.min(bytes.len())], &noise] {
                if let Ok(images) = cifar10_python(bytes) {
                    prop_assert!(images.pixels.len() <= bytes.len());
                }
                let _ = cifar10_binary(bytes);
                let _ = mnist(bytes, &noise);
            }
        }
    }
}
