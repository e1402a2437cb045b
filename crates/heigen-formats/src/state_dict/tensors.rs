//! Tensors of a pickle: each is a part of a storage of numbers, described by an offset, sizes and strides.

use std::collections::HashMap;

use heigen_pickle::{Id, Value};

use super::pickled::{Pickled, Torch, other};
use crate::container::Container;
use crate::error::{axes, shown};
use crate::npy::strided;
use crate::{ByteOrder, Dtype, FormatError, NamedTensor};

/// Most axes of a tensor, as in PyTorch.
const MAX_AXES: usize = 64;
/// Elements of all tensors together that are read per byte of the file. A file that asks for more can only mean the same
/// few numbers over and over, by tensors that share a storage or have a stride of 0.
const PER_BYTE: usize = 8;
/// Elements that every file may have, however short it is.
const ALWAYS: usize = 1 << 16;

/// The place of a tensor's elements in a storage.
struct View {
    dtype: Dtype,
    key: String,
    /// Number of elements of the storage, as the pickle claims it.
    length: usize,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl View {
    /// The strides, 0 for axes of length 1.
    fn inner_strides(&self) -> Vec<usize> {
        self.shape.iter().zip(&self.strides).map(|(&n, &stride)| if n == 1 { 0 } else { stride }).collect()
    }

    /// Whether two views of one storage are the same elements in the same order.
    fn is(&self, other: &Self) -> bool {
        let place = |view: &Self| (view.offset, view.shape.clone(), view.inner_strides());
        place(self) == place(other)
    }
}

/// Whether two of the views reach into one stretch of their storage.
fn overlap(views: &[(usize, View)]) -> bool {
    let filled = views.iter().map(|(_, view)| view).filter(|view| view.shape.iter().all(|&n| n > 0));
    let mut stretches: Vec<(usize, usize)> = filled
        .map(|view| {
            let reach: usize = view.shape.iter().zip(view.inner_strides()).map(|(&n, stride)| (n - 1) * stride).sum();
            (view.offset, view.offset + reach)
        })
        .collect();
    stretches.sort_unstable();
    stretches.windows(2).any(|pair| pair[1].0 <= pair[0].1)
}

pub(super) struct Tensors<'p, 'a> {
    pickle: &'p Pickled<'p>,
    container: Container<'a>,
    stem: String,
    order: ByteOrder,
    origin: &'a str,
    /// Storages that were read, by their keys: tied tensors and views share one.
    storages: HashMap<String, Vec<u8>>,
    /// Elements that may still be read.
    left: usize,
    /// The places of the tensors that were read, by the storage that they are in.
    views: HashMap<String, Vec<(usize, View)>>,
    /// Number of tensors that were read.
    count: usize,
}

impl<'p, 'a> Tensors<'p, 'a> {
    pub(super) fn new(
        pickle: &'p Pickled<'p>,
        container: Container<'a>,
        stem: String,
        order: ByteOrder,
        origin: &'a str,
        length: usize,
    ) -> Self {
        let left = length.saturating_mul(PER_BYTE).saturating_add(ALWAYS);
        Self { pickle, container, stem, order, origin, storages: HashMap::new(), left, views: HashMap::new(), count: 0 }
    }

    /// The tensor that `value` is, with its element type in the file; none if it is something else or has no floats.
    pub(super) fn read(&mut self, name: &str, value: Id) -> Result<Option<(NamedTensor<f64>, Dtype)>, FormatError> {
        let (origin, order) = (self.origin, self.order);
        let damaged = |what: &str| {
            FormatError::damaged(origin, format!("tensor `{}`: {what}", shown(name)), "a tensor inside its storage")
        };
        let Some(rebuilt) = self.rebuilt(value) else { return Ok(None) };
        let Some(view) = self.view(rebuilt) else {
            if let Some(class) = self.unknown_storage(rebuilt) {
                return Err(FormatError::Call { origin: origin.to_owned(), name: class.to_owned() });
            }
            return Err(damaged("it is made in an unknown way"));
        };
        if !view.dtype.is_float() {
            return Ok(None);
        }
        let count = view.shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        self.left = count.and_then(|count| self.left.checked_sub(count)).ok_or_else(|| {
            let shape = axes(&view.shape);
            let found = format!("a tensor `{}` of {shape} elements, more than the file has bytes for", shown(name));
            let mend = "save copies of expanded tensors: `{name: tensor.clone().contiguous() ...}`";
            FormatError::holds(origin, found, "tensors whose elements are in the file", mend)
        })?;
        let storage = self.storage(&view.key)?;
        if view.length.checked_mul(view.dtype.size()) != Some(storage.len()) {
            let what = format!("its storage has {} bytes instead of {} elements", storage.len(), view.length);
            return Err(damaged(&what));
        }
        let values = if count == Some(0) {
            Vec::new()
        } else {
            let last = view
                .shape
                .iter()
                .zip(&view.strides)
                .try_fold(view.offset, |last, (&n, &stride)| last.checked_add(stride.checked_mul(n - 1)?));
            if last.is_none_or(|last| last >= view.length) {
                let what = format!("it reaches beyond the {} elements of its storage", view.length);
                return Err(damaged(&what));
            }
            let size = view.dtype.size();
            strided(&view.shape, &view.inner_strides(), view.offset, |at| {
                view.dtype.decode(&storage[at * size..(at + 1) * size], order)
            })
        };
        let (shape, dtype) = (view.shape.clone(), view.dtype);
        self.views.entry(view.key.clone()).or_default().push((self.count, view));
        self.count += 1;
        Ok(Some((NamedTensor { name: name.to_owned(), shape, values }, dtype)))
    }

    /// Pairs of tensors that were read and have elements in common, each tensor with the first one that it shares some
    /// with: those that are the same elements in the same order, and the others.
    pub(super) fn in_common(&self) -> (Vec<[usize; 2]>, Vec<[usize; 2]>) {
        let (mut tied, mut overlapping) = (Vec::new(), Vec::new());
        for views in self.views.values().filter(|views| overlap(views)) {
            // The place in `views` of the tensor to which each element of the storage belongs.
            let mut owners: HashMap<usize, usize> = HashMap::new();
            for (place, (tensor, view)) in views.iter().enumerate() {
                let elements = strided(&view.shape, &view.inner_strides(), view.offset, |at| at);
                if let Some(owner) = elements.iter().find_map(|at| owners.get(at).copied()) {
                    let (first, other) = &views[owner];
                    let pairs = if view.is(other) { &mut tied } else { &mut overlapping };
                    pairs.push([*first, *tensor]);
                }
                for at in elements {
                    owners.entry(at).or_insert(place);
                }
            }
        }
        tied.sort_unstable();
        overlapping.sort_unstable();
        (tied, overlapping)
    }

    /// The arguments of the call that makes the tensor `value`, or the tensor inside of the parameter `value`.
    fn rebuilt(&self, value: Id) -> Option<&'p [Id]> {
        let pickle = self.pickle;
        let is_plain = |of: Torch| matches!(of, Torch::Tensor | Torch::TypedTensor);
        let object = pickle.object(value)?;
        let arguments = match object.of {
            Torch::Parameter => {
                let data = *pickle.tuple(object.arguments)?.first()?;
                pickle.object(data).filter(|object| is_plain(object.of))?.arguments
            }
            // The function that makes the tensor, its class, the function's arguments, and attributes.
            Torch::FromType => {
                let &[function, _, arguments, ..] = pickle.tuple(object.arguments)? else { return None };
                matches!(pickle.value(function), Value::Global(of) if is_plain(*of)).then_some(arguments)?
            }
            of if is_plain(of) => object.arguments,
            _ => return None,
        };
        Some(pickle.tuple(arguments).unwrap_or_default())
    }

    /// The name of the class of a tensor's storage, if it is not known.
    fn unknown_storage(&self, arguments: &[Id]) -> Option<&'p str> {
        let &Value::Persistent(storage) = self.pickle.value(*arguments.first()?) else { return None };
        other(self.pickle, *self.pickle.tuple(storage)?.get(1)?)
    }

    fn view(&self, arguments: &[Id]) -> Option<View> {
        let pickle = self.pickle;
        let &[storage, offset, shape, strides, ref rest @ ..] = arguments else { return None };
        let &Value::Persistent(storage) = pickle.value(storage) else { return None };
        let &[kind, class, key, _place, length] = pickle.tuple(storage)? else { return None };
        let length = pickle.size(length)?;
        let (dtype, length) = match *pickle.value(class) {
            Value::Global(Torch::Storage(dtype)) => (dtype, length),
            // Bytes: the element type stands in the call.
            Value::Global(Torch::Bytes) => match *pickle.value(*rest.get(2)?) {
                Value::Global(Torch::Element(dtype)) if length % dtype.size() == 0 => (dtype, length / dtype.size()),
                _ => return None,
            },
            _ => return None,
        };
        let (shape, strides) = (pickle.sizes(shape)?, pickle.sizes(strides)?);
        let (key, offset) = (pickle.text(key)?.to_owned(), pickle.size(offset)?);
        let view = View { dtype, key, length, offset, shape, strides };
        let fits = pickle.text(kind) == Some("storage") && view.shape.len() == view.strides.len();
        (fits && view.shape.len() <= MAX_AXES).then_some(view)
    }

    fn storage(&mut self, key: &str) -> Result<&Vec<u8>, FormatError> {
        if !self.storages.contains_key(key) {
            let content = self.container.read(&format!("{}data/{key}", self.stem))?;
            self.storages.insert(key.to_owned(), content);
        }
        Ok(&self.storages[key])
    }
}
