//! Reads pickles of plain data; executes nothing.
//!
//! A pickle is a program for a stack machine. This one knows the operations that build numbers, texts, lists, tuples and
//! dictionaries. A class or function is only a name: the caller lists those that it understands ([`Known`]), any other is
//! refused by its name, or is opaque to the caller if it says so, and what one is called with is kept as a
//! [`Value::Object`], never run.
//!
//! Values refer to one another by [`Id`], so that a pickle nested a million deep needs no deeper stack, and a value that
//! is used many times stands once. Memory is proportional to the length of the pickle. A list can hold itself: whoever
//! follows ids must bound how far.
//!
//! # References
//! Python's `pickletools`, PEP 307, PEP 3154.
//!
//! ```
//! use heigen_pickle::{Known, Value, parse};
//!
//! let known = Known { globals: &[("collections", "OrderedDict", "ordered")], makes: "dictionaries", others: None };
//! // {"epoch": 3}
//! let pickle = parse(b"\x80\x02}q\x00X\x05\x00\x00\x00epochK\x03s.", &known).unwrap();
//! let epoch = pickle.entry(pickle.top(), "epoch").unwrap();
//! assert_eq!(pickle.value(epoch), &Value::Int(3));
//!
//! let refused = parse(b"cos\nsystem\n.", &known).unwrap_err();
//! assert!(refused.to_string().contains("os.system"));
//! ```

pub mod foreign_text;
mod machine;
pub mod numpy;

pub use machine::parse;

/// Why a pickle was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PickleError {
    /// It ends in the middle.
    #[error("the pickle ends at byte {0}, in the middle of an operation; it is truncated")]
    Truncated(usize),
    /// It uses an operation that plain data do not need.
    #[error(
        "the pickle has the operation {opcode:#04x} at byte {at}, which plain data do not need; it is not executed"
    )]
    Operation {
        /// The byte.
        opcode: u8,
        /// Where.
        at: usize,
    },
    /// It names a function or class that is not among those that are known.
    #[error("the pickle asks to call {name}; only {makes} are made, nothing is executed")]
    Call {
        /// `module.name`, without characters that do not print.
        name: String,
        /// [`Known::makes`].
        makes: &'static str,
    },
    /// Its operations do not fit together.
    #[error("the pickle is damaged: {0}")]
    Damaged(&'static str),
}

/// The functions and classes that a caller understands.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k, G> {
    /// Module, name, and what the caller calls it.
    pub globals: &'k [(&'k str, &'k str, G)],
    /// The things that these functions make, in words that fit into the sentence "only ... are made".
    pub makes: &'static str,
    /// The caller's word for any other function or class, given the place of its name in [`Pickle::others`]. Without such
    /// a word a pickle that names one is refused.
    pub others: Option<fn(usize) -> G>,
}

/// A value of a [`Pickle`], by which other values refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(usize);

/// A value; its parts are named by their [`Id`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a, G> {
    /// `None`.
    None,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// A longer integer: its bytes in two's complement, least significant first.
    Long(&'a [u8]),
    /// A number with a fraction.
    Float(f64),
    /// A text in UTF-8, or bytes: Python 2 does not tell them apart.
    Bytes(&'a [u8]),
    /// A list.
    List(Vec<Id>),
    /// A tuple.
    Tuple(Vec<Id>),
    /// Keys and values in the order in which they were set; of equal keys the last one counts.
    Dict(Vec<(Id, Id)>),
    /// A set; also a frozen one.
    Set(Vec<Id>),
    /// A known function or class.
    Global(G),
    /// The result that a call of a known function or class would have; the call is not made.
    Object(Object<G>),
    /// Something that the program which wrote the pickle keeps outside of it, by the name that it gave.
    Persistent(Id),
}

/// A call of a known function or class.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<G> {
    /// The function or class that is called.
    pub of: G,
    /// The tuple of arguments.
    pub arguments: Id,
    /// The state given to the result, if any.
    pub state: Option<Id>,
    /// Values appended to the result, as in [`Value::List`].
    pub elements: Vec<Id>,
    /// Items set in the result, as in [`Value::Dict`].
    pub items: Vec<(Id, Id)>,
}

/// The values that a pickle holds.
#[derive(Clone, Debug)]
pub struct Pickle<'a, G> {
    values: Vec<Value<'a, G>>,
    top: Id,
    others: Vec<String>,
}

impl<'a, G> Pickle<'a, G> {
    /// The value that the pickle is.
    pub fn top(&self) -> Id {
        self.top
    }

    /// The names, `module.name`, of the functions and classes that are not among those that the caller knows, in the form
    /// in which messages repeat them.
    pub fn others(&self) -> &[String] {
        &self.others
    }

    /// The value `id`; [`Value::None`] for an id of a longer pickle.
    pub fn value(&self, id: Id) -> &Value<'a, G> {
        self.values.get(id.0).unwrap_or(&Value::None)
    }

    /// Keys and values of a dictionary, or the items of an object that is one; nothing for other values.
    pub fn items(&self, id: Id) -> &[(Id, Id)] {
        match self.value(id) {
            Value::Dict(items) => items,
            Value::Object(object) => &object.items,
            _ => &[],
        }
    }

    /// The entry of [`Self::items`] with this key; it looks through all of them.
    pub fn entry(&self, id: Id, key: &str) -> Option<Id> {
        self.items(id).iter().rev().find(|(k, _)| self.text(*k) == Some(key)).map(|&(_, value)| value)
    }

    /// A text.
    pub fn text(&self, id: Id) -> Option<&'a str> {
        match self.value(id) {
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// An integer that is a size or an index.
    pub fn size(&self, id: Id) -> Option<usize> {
        match self.value(id) {
            Value::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        }
    }

    /// A tuple or list of sizes.
    pub fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        match self.value(id) {
            Value::Tuple(parts) | Value::List(parts) => parts.iter().map(|&part| self.size(part)).collect(),
            _ => None,
        }
    }

    /// The parts of a tuple.
    pub fn tuple(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(parts) => Some(parts),
            _ => None,
        }
    }

    /// A call of a known function or class.
    pub fn object(&self, id: Id) -> Option<&Object<G>> {
        match self.value(id) {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }
}
