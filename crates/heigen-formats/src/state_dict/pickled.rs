//! PyTorch's `.pt`: a zip archive with a pickle, `data.pkl`, and one entry per storage of numbers.
//!
//! # References
//! `torch/serialization.py`, `torch/_utils.py`.

use std::collections::HashMap;

use heigen_pickle::{Id, Known, Pickle, PickleError, Value, parse};

use super::StateDict;
use super::tensors::Tensors;
use crate::container::Container;
use crate::error::listed;
use crate::{ByteOrder, Dtype, FormatError};

const WANTED: &str = "a state dictionary of PyTorch (.pt)";
const MEND: &str = "write it by `torch.save(model.state_dict(), ...)`";
/// Entries under which training scripts keep the weights beside epochs and optimizers.
const WRAPPERS: [&str; 7] = ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights"];

/// The functions and classes that the pickles of torch.save call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Torch {
    /// A dictionary, filled by its items.
    OrderedDict,
    /// A tensor, made from storage, offset, sizes and strides.
    Tensor,
    /// A parameter, made from its tensor.
    Parameter,
    /// A class of storages.
    Storage(Dtype),
    /// Plain values that often stand beside weights. They are kept as names with arguments and never looked into.
    Beside,
}

const KNOWN: Known<'static, Torch> = Known {
    globals: &[
        ("collections", "OrderedDict", Torch::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2", Torch::Tensor),
        ("torch._utils", "_rebuild_parameter", Torch::Parameter),
        ("torch._utils", "_rebuild_parameter_with_state", Torch::Parameter),
        ("torch", "DoubleStorage", Torch::Storage(Dtype::Float64)),
        ("torch", "FloatStorage", Torch::Storage(Dtype::Float32)),
        ("torch", "HalfStorage", Torch::Storage(Dtype::Float16)),
        ("torch", "BFloat16Storage", Torch::Storage(Dtype::BFloat16)),
        ("torch", "LongStorage", Torch::Storage(Dtype::Int64)),
        ("torch", "IntStorage", Torch::Storage(Dtype::Int32)),
        ("torch", "ShortStorage", Torch::Storage(Dtype::Int16)),
        ("torch", "CharStorage", Torch::Storage(Dtype::Int8)),
        ("torch", "ByteStorage", Torch::Storage(Dtype::UInt8)),
        ("torch", "BoolStorage", Torch::Storage(Dtype::Bool)),
        ("collections", "defaultdict", Torch::OrderedDict),
        ("collections", "Counter", Torch::Beside),
        ("builtins", "set", Torch::Beside),
        ("__builtin__", "set", Torch::Beside),
        ("builtins", "dict", Torch::Beside),
        ("__builtin__", "dict", Torch::Beside),
        ("builtins", "list", Torch::Beside),
        ("__builtin__", "list", Torch::Beside),
        ("_codecs", "encode", Torch::Beside),
        ("argparse", "Namespace", Torch::Beside),
        ("torch", "Size", Torch::Beside),
        ("torch", "device", Torch::Beside),
        ("torch", "float16", Torch::Beside),
        ("torch", "bfloat16", Torch::Beside),
        ("torch", "float32", Torch::Beside),
        ("torch", "float64", Torch::Beside),
        ("torch", "int64", Torch::Beside),
        ("numpy.core.multiarray", "scalar", Torch::Beside),
        ("numpy._core.multiarray", "scalar", Torch::Beside),
        ("numpy.core.multiarray", "_reconstruct", Torch::Beside),
        ("numpy._core.multiarray", "_reconstruct", Torch::Beside),
        ("numpy", "ndarray", Torch::Beside),
        ("numpy", "dtype", Torch::Beside),
    ],
    makes: "PyTorch's tensors and plain values",
};

pub(super) type Pickled<'a> = Pickle<'a, Torch>;

/// Reads the state dictionary in a file that torch.save wrote (PyTorch 1.6 or later).
///
/// The dictionary is the file's value, or its entry `state_dict`, `model_state_dict`, `model` or the like, or its only
/// entry that is a dictionary of tensors. Tensors are read through their strides, so views and transposed ones are as they
/// were; tied ones are read once for every name. Names are as they stand in the file.
///
/// # Cost
/// Memory is proportional to the length of `bytes`, or to what a compressed archive may honestly unpack to.
///
/// # Errors
/// [`FormatError::Call`] if the file asks for classes or functions, as a whole pickled module does; nothing is executed.
/// Other variants if it is a TorchScript program, older than PyTorch 1.6, truncated, or holds no or several state
/// dictionaries; if a tensor's claims do not fit its storage.
pub fn pytorch(bytes: &[u8], origin: &str) -> Result<StateDict, FormatError> {
    refuse_others(bytes, origin)?;
    let mut container = Container::open(bytes, origin, WANTED, MEND)?;
    let pickle_name = container.names().find(|name| *name == "data.pkl" || name.ends_with("/data.pkl"));
    let Some(pickle_name) = pickle_name.map(str::to_owned) else {
        return Err(FormatError::content(origin, "a zip archive without an entry `data.pkl`", WANTED, MEND));
    };
    let stem = pickle_name.strip_suffix("data.pkl").unwrap_or_default().to_owned();
    if container.has(&format!("{stem}constants.pkl")) {
        let mend = "load it by torch.jit.load and save its weights: `torch.save(program.state_dict(), ...)`";
        return Err(FormatError::content(origin, "a TorchScript program", WANTED, mend));
    }
    let order_name = format!("{stem}byteorder");
    let order = if container.has(&order_name) {
        match &container.read(&order_name)?[..] {
            b"big" => ByteOrder::MostFirst,
            b"little" => ByteOrder::LeastFirst,
            _ => return Err(FormatError::damaged(origin, "its byte order is neither little nor big", WANTED)),
        }
    } else {
        ByteOrder::LeastFirst
    };
    let text = container.read(&pickle_name)?;
    let pickle = parse(&text, &KNOWN).map_err(|cause| match cause {
        PickleError::Call { name, .. } => FormatError::Call { origin: origin.to_owned(), name },
        cause => FormatError::Pickle { origin: origin.to_owned(), cause },
    })?;
    let dictionary = find(&pickle, origin)?;
    let mut tensors = Tensors::new(&pickle, container, stem, order, origin, bytes.len());
    let mut found = StateDict::default();
    for (name, value) in entries(&pickle, dictionary) {
        match tensors.read(name, value)? {
            Some((tensor, dtype)) => {
                found.tensors.push(tensor);
                found.dtypes.push(dtype);
            }
            None => found.skipped.push(name.to_owned()),
        }
    }
    Ok(found)
}

/// Refuses files that torch.save wrote before version 1.6, and pickles without a zip archive around them.
fn refuse_others(bytes: &[u8], origin: &str) -> Result<(), FormatError> {
    // The pickle of the number 0x1950a86a20f9469cfc6c.
    const LEGACY: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";
    let again = "open it with PyTorch 1.6 or later and save it again: `torch.save(torch.load(path), path)`";
    if bytes.get(2..).is_some_and(|rest| rest.starts_with(LEGACY)) {
        let found = "in the format of PyTorch before version 1.6";
        return Err(FormatError::content(origin, found, "the zip format of later versions", again));
    }
    if bytes.get(257..).is_some_and(|rest| rest.starts_with(b"ustar")) {
        let found = "in the format of PyTorch before version 0.2 (tar)";
        return Err(FormatError::content(origin, found, "the zip format of later versions", again));
    }
    if bytes.first() == Some(&0x80) {
        return Err(FormatError::content(origin, "a pickle outside of a zip archive", WANTED, MEND));
    }
    Ok(())
}

/// The entries of a dictionary whose keys are texts. If a key stands twice, its first place and its last value count, as
/// in Python.
fn entries<'a>(pickle: &Pickled<'a>, dictionary: Id) -> Vec<(&'a str, Id)> {
    let mut places = HashMap::new();
    let mut entries: Vec<(&str, Id)> = Vec::new();
    for &(key, value) in pickle.items(dictionary) {
        let Some(key) = pickle.text(key) else { continue };
        let place = *places.entry(key).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    entries
}

fn is_tensor(pickle: &Pickled<'_>, id: Id) -> bool {
    pickle.object(id).is_some_and(|object| matches!(object.of, Torch::Tensor | Torch::Parameter))
}

/// The dictionary of tensors in the pickle: its value, or the one entry that is such a dictionary.
fn find(pickle: &Pickled<'_>, origin: &str) -> Result<Id, FormatError> {
    let top = pickle.top();
    let held = |found: String, mend: &str| Err(FormatError::holds(origin, found, "one dictionary of tensors", mend));
    let is_dictionary = matches!(pickle.value(top), Value::Dict(_))
        || pickle.object(top).is_some_and(|object| object.of == Torch::OrderedDict);
    if !is_dictionary {
        let found =
            if is_tensor(pickle, top) { "a single tensor without a name" } else { "a value that is no dictionary" };
        return held(found.to_owned(), MEND);
    }
    let entries = entries(pickle, top);
    // A dictionary that stands under many names is looked through once.
    let mut looked = HashMap::new();
    let mut has_tensors = |id: Id| {
        *looked.entry(id).or_insert_with(|| pickle.items(id).iter().any(|&(_, value)| is_tensor(pickle, value)))
    };
    let candidates: Vec<_> = entries.iter().filter(|&&(_, value)| has_tensors(value)).collect();
    let wrapped = WRAPPERS.iter().find_map(|wrapper| candidates.iter().find(|(name, _)| name == wrapper));
    if let Some(&&(_, dictionary)) = wrapped {
        return Ok(dictionary);
    }
    if entries.iter().any(|&(_, value)| is_tensor(pickle, value)) {
        return Ok(top);
    }
    match candidates[..] {
        [&(_, only)] => Ok(only),
        [] if entries.is_empty() => held("no entries".to_owned(), MEND),
        [] => held(format!("no tensors: its entries are {}", listed(entries.iter().map(|&(name, _)| name))), MEND),
        _ => {
            let names = listed(candidates.iter().map(|&&(name, _)| name));
            held(
                format!("several dictionaries of tensors: {names}"),
                "save the one that is meant: `torch.save(checkpoint[name], ...)`",
            )
        }
    }
}
