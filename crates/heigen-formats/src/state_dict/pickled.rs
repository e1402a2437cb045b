//! PyTorch's `.pt`: a zip archive with a pickle, `data.pkl`, and one entry per storage of numbers.
//!
//! # References
//! `torch/serialization.py`, `torch/_utils.py`.

use std::collections::{HashMap, HashSet};

use heigen_pickle::{Id, Known, Pickle, PickleError, Value, parse};

use super::StateDict;
use super::tensors::Tensors;
use crate::container::Container;
use crate::error::{listed, shown};
use crate::{ByteOrder, Dtype, FileKind, FormatError, Remedy};

const WANTED: &str = "a state dictionary of PyTorch (.pt)";
const MEND: &str = "write it by `torch.save(model.state_dict(), ...)`";
const ONE: &str = "one dictionary of tensors";
/// Entries under which training scripts keep the weights beside epochs and optimizers.
const WRAPPERS: [&str; 12] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "weights",
    "module",
    "params",
    "model_weights",
    "net_state_dict",
    "classifier",
];

/// The functions and classes that the pickles of torch.save call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Torch {
    /// A dictionary, filled by its items.
    OrderedDict,
    /// A tensor, made from storage, offset, sizes and strides.
    Tensor,
    /// A parameter, made from its tensor.
    Parameter,
    /// A tensor of an element type that has no class of storages; the type is the seventh argument.
    TypedTensor,
    /// A tensor of a class of its own: a function and its arguments.
    FromType,
    /// A class of storages.
    Storage(Dtype),
    /// The class of storages of bytes.
    Bytes,
    /// An element type.
    Element(Dtype),
    /// Plain values that often stand beside weights. They are kept as names with arguments and never looked into.
    Beside,
    /// A function or class that is not known, by the place of its name: a path, an activation, an optimizer. What it makes
    /// is skipped where it stands beside the weights, and refused where weights should be.
    Other(usize),
}

const KNOWN: Known<'static, Torch> = Known {
    globals: &[
        ("collections", "OrderedDict", Torch::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2", Torch::Tensor),
        ("torch._utils", "_rebuild_parameter", Torch::Parameter),
        ("torch._utils", "_rebuild_parameter_with_state", Torch::Parameter),
        ("torch._utils", "_rebuild_tensor_v3", Torch::TypedTensor),
        ("torch._tensor", "_rebuild_from_type_v2", Torch::FromType),
        ("torch.storage", "UntypedStorage", Torch::Bytes),
        ("torch", "UntypedStorage", Torch::Bytes),
        ("torch", "float8_e4m3fn", Torch::Element(Dtype::Float8E4M3)),
        ("torch", "float8_e5m2", Torch::Element(Dtype::Float8E5M2)),
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
        ("torch", "float16", Torch::Element(Dtype::Float16)),
        ("torch", "bfloat16", Torch::Element(Dtype::BFloat16)),
        ("torch", "float32", Torch::Element(Dtype::Float32)),
        ("torch", "float64", Torch::Element(Dtype::Float64)),
        ("torch", "int64", Torch::Element(Dtype::Int64)),
        ("numpy.core.multiarray", "scalar", Torch::Beside),
        ("numpy._core.multiarray", "scalar", Torch::Beside),
        ("numpy.core.multiarray", "_reconstruct", Torch::Beside),
        ("numpy._core.multiarray", "_reconstruct", Torch::Beside),
        ("numpy", "ndarray", Torch::Beside),
        ("numpy", "dtype", Torch::Beside),
    ],
    makes: "PyTorch's tensors and plain values",
    others: Some(Torch::Other),
};

pub(super) type Pickled<'a> = Pickle<'a, Torch>;

/// Reads the state dictionary in a file that torch.save wrote (PyTorch 1.6 or later).
///
/// The dictionary is the file's value, or its entry `key`; without a key its entry `state_dict`, `model_state_dict`,
/// `model` or the like, or its only entry that is a dictionary of tensors. Tensors are read through their strides, so views
/// and transposed ones are as they were; tied ones are read once for every name, and listed. Names are as they stand in the
/// file. Objects of any class beside the weights (paths, optimizers, settings) are skipped: nothing is executed. The file
/// may unpack to `limit` bytes at most ([`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT)).
///
/// # Cost
/// Memory is proportional to the length of `bytes`, or to what a compressed archive may honestly unpack to.
///
/// # Errors
/// [`FormatError::Call`] if classes or functions are asked for where the weights should be, as in a whole pickled module.
/// Other variants if it is a TorchScript program, older than PyTorch 1.6, truncated, or holds no or several state
/// dictionaries; if a name stands twice in it; if a tensor's claims do not fit its storage.
pub fn pytorch(bytes: &[u8], origin: &str, key: Option<&str>, limit: usize) -> Result<StateDict, FormatError> {
    refuse_others(bytes, origin)?;
    let mut container = Container::open(bytes, origin, WANTED, MEND, limit)?;
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
    let mut found = StateDict::default();
    let dictionary = find(&pickle, origin, key, &mut found.notes)?;
    let mut tensors = Tensors::new(&pickle, container, stem, order, origin, bytes.len());
    for (name, value) in entries(&pickle, dictionary, origin)? {
        match tensors.read(name, value)? {
            Some((tensor, dtype)) => {
                found.tensors.push(tensor);
                found.dtypes.push(dtype);
            }
            // Among the weights an unknown object may stand for one of them.
            None => match other(&pickle, value) {
                Some(class) => {
                    return Err(FormatError::Call { origin: origin.to_owned(), name: class.to_owned() });
                }
                None => found.skipped.push(name.to_owned()),
            },
        }
    }
    if found.tensors.is_empty() && !found.skipped.is_empty() {
        let names = listed(found.skipped.iter().map(String::as_str));
        return Err(FormatError::holds(origin, format!("no tensors of floats: its entries are {names}"), ONE, MEND));
    }
    (found.tied, found.overlapping) = tensors.in_common();
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
    if FileKind::of(bytes) == FileKind::Pickle {
        return Err(FormatError::content(origin, "a pickle outside of a zip archive", WANTED, MEND));
    }
    Ok(())
}

/// The entries of a dictionary whose keys are texts; a text that is a key twice is refused, since PyTorch never writes it and
/// which of the two is meant is anybody's guess.
fn entries<'a>(pickle: &Pickled<'a>, dictionary: Id, origin: &str) -> Result<Vec<(&'a str, Id)>, FormatError> {
    let mut keys = HashSet::new();
    let mut entries: Vec<(&str, Id)> = Vec::new();
    for &(key, value) in pickle.items(dictionary) {
        let Some(key) = pickle.text(key) else { continue };
        if !keys.insert(key) {
            let found = format!("two entries `{}`", shown(key));
            return Err(FormatError::holds(origin, found, "entries of different names", MEND));
        }
        entries.push((key, value));
    }
    Ok(entries)
}

fn is_tensor(pickle: &Pickled<'_>, id: Id) -> bool {
    pickle.object(id).is_some_and(|object| {
        matches!(object.of, Torch::Tensor | Torch::Parameter | Torch::TypedTensor | Torch::FromType)
    })
}

fn is_dictionary(pickle: &Pickled<'_>, id: Id) -> bool {
    matches!(pickle.value(id), Value::Dict(_))
        || pickle.object(id).is_some_and(|object| object.of == Torch::OrderedDict)
}

/// The name of the unknown class or function that `id` is, or of which it is an object.
pub(super) fn other<'p>(pickle: &'p Pickled<'_>, id: Id) -> Option<&'p str> {
    let of = match pickle.value(id) {
        Value::Object(object) => object.of,
        Value::Global(of) => *of,
        _ => return None,
    };
    match of {
        Torch::Other(name) => pickle.others().get(name).map(String::as_str),
        _ => None,
    }
}

/// The dictionary of tensors in the pickle: its value, or the entry of it that is named or that is such a dictionary.
fn find(pickle: &Pickled<'_>, origin: &str, key: Option<&str>, notes: &mut Vec<String>) -> Result<Id, FormatError> {
    let top = pickle.top();
    let held = |found: String, mend: &str| FormatError::holds(origin, found, ONE, mend);
    let call = |name: &str| FormatError::Call { origin: origin.to_owned(), name: name.to_owned() };
    if !is_dictionary(pickle, top) {
        if let Some(name) = other(pickle, top) {
            return Err(call(name));
        }
        let found =
            if is_tensor(pickle, top) { "a single tensor without a name" } else { "a value that is no dictionary" };
        return Err(held(found.to_owned(), MEND));
    }
    let entries = entries(pickle, top, origin)?;
    // A dictionary that stands under many names is looked through once.
    let mut looked = HashMap::new();
    let mut has_tensors = |id: Id| {
        *looked.entry(id).or_insert_with(|| {
            is_dictionary(pickle, id) && pickle.items(id).iter().any(|&(_, value)| is_tensor(pickle, value))
        })
    };
    let candidates: Vec<_> = entries.iter().filter(|&&(_, value)| has_tensors(value)).collect();
    let names = || listed(candidates.iter().map(|&&(name, _)| name));
    if let Some(key) = key {
        let Some(&&(_, dictionary)) = candidates.iter().find(|(name, _)| *name == key) else {
            let found = format!("no dictionary of tensors `{}`; there are {}", shown(key), names());
            return Err(held(found, "name one of them").mended_by(Remedy::WeightsKey));
        };
        return Ok(dictionary);
    }
    let wrapped = WRAPPERS.iter().find_map(|wrapper| candidates.iter().find(|(name, _)| name == wrapper));
    let chosen = match (wrapped, &candidates[..]) {
        (Some(&&chosen), _) => Some(chosen),
        (None, _) if entries.iter().any(|&(_, value)| is_tensor(pickle, value)) => return Ok(top),
        (None, &[&only]) => Some(only),
        (None, _) => None,
    };
    if let Some((name, dictionary)) = chosen {
        let others: Vec<&str> = candidates.iter().map(|&&(other, _)| other).filter(|other| *other != name).collect();
        let beside = match &others[..] {
            [] => String::new(),
            others => format!("; beside them stand {}, which are not looked at", listed(others.iter().copied())),
        };
        notes.push(format!("the weights are the entry `{}` of {origin}{beside}", shown(name)));
        return Ok(dictionary);
    }
    if !candidates.is_empty() {
        let mend = "say which one is meant, or save it alone: `torch.save(checkpoint[name], ...)`";
        return Err(held(format!("several dictionaries of tensors: {}", names()), mend).mended_by(Remedy::WeightsKey));
    }
    // A whole module under one of the usual names.
    let module = entries.iter().find(|(name, _)| WRAPPERS.contains(name)).and_then(|&(_, id)| other(pickle, id));
    Err(match module {
        Some(name) => call(name),
        None if entries.is_empty() => held("no entries".to_owned(), MEND),
        None => held(format!("no tensors: its entries are {}", listed(entries.iter().map(|&(name, _)| name))), MEND),
    })
}
