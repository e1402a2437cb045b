//! Reads pickles of plain data and NumPy arrays; executes nothing.
//!
//! A pickle is a program for a stack machine. This one knows the operations that build numbers, strings, lists, tuples,
//! dictionaries, and arrays of bytes; a call of anything but NumPy's two constructors is refused by its name.

use std::collections::HashMap;

/// Why a pickle was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// It names a function or class that is not known to be harmless.
    #[error("the pickle asks to call {0}; only NumPy's arrays are made, nothing is executed")]
    Call(String),
    /// Its operations do not fit together.
    #[error("the pickle is damaged: {0}")]
    Damaged(&'static str),
}

/// A value of a [`Pickle`]; parts are named by their number.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    None,
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<usize>),
    Tuple(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    /// `module.name`, one of those that are known.
    Global(Global),
    /// The result of a call, with its arguments and, later, its state.
    Object {
        of: Global,
        arguments: usize,
        state: Option<usize>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    /// Makes an empty array, which its state fills.
    Reconstruct,
    Ndarray,
    Dtype,
    /// `_codecs.encode(text, "latin1")`: how Python 3 writes bytes in protocol 2.
    Encode,
}

impl Global {
    fn named(module: &str, name: &str) -> Result<Self, PickleError> {
        match (module, name) {
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Ok(Self::Reconstruct),
            ("numpy", "ndarray") => Ok(Self::Ndarray),
            ("numpy", "dtype") => Ok(Self::Dtype),
            ("_codecs", "encode") => Ok(Self::Encode),
            _ => Err(PickleError::Call(format!("{module}.{name}"))),
        }
    }
}

/// What a pickle holds.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    top: usize,
}

/// An array of unsigned bytes.
#[derive(Debug)]
pub(super) struct ByteArray<'a> {
    pub(super) shape: Vec<usize>,
    pub(super) fortran_order: bool,
    pub(super) bytes: &'a [u8],
}

impl Pickle {
    pub(super) fn value(&self, id: usize) -> &Value {
        &self.values[id]
    }

    /// The entry `key` of the dictionary that the pickle is.
    pub(super) fn entry(&self, key: &str) -> Option<&Value> {
        let Value::Dict(entries) = self.value(self.top) else { return None };
        let is_key = |id: usize| matches!(self.value(id), Value::Bytes(b) if b == key.as_bytes());
        entries.iter().rev().find(|(k, _)| is_key(*k)).map(|&(_, v)| self.value(v))
    }

    /// `value` as an array of unsigned bytes: state (version, shape, dtype, Fortran order, bytes).
    pub(super) fn array<'a>(&'a self, value: &Value) -> Option<ByteArray<'a>> {
        let Value::Object { of: Global::Reconstruct, state: Some(state), .. } = value else { return None };
        let Value::Tuple(state) = self.value(*state) else { return None };
        let &[_, shape, dtype, fortran, bytes] = &state[..] else { return None };
        let Value::Object { of: Global::Dtype, arguments, .. } = self.value(dtype) else { return None };
        let Value::Tuple(arguments) = self.value(*arguments) else { return None };
        let Value::Bytes(kind) = self.value(*arguments.first()?) else { return None };
        let (Value::Tuple(shape), Value::Int(fortran), Value::Bytes(bytes)) =
            (self.value(shape), self.value(fortran), self.value(bytes))
        else {
            return None;
        };
        let size = |&id: &usize| match self.value(id) {
            Value::Int(n) => usize::try_from(*n).ok(),
            _ => None,
        };
        let shape = shape.iter().map(size).collect::<Option<Vec<usize>>>()?;
        (kind == b"u1").then_some(ByteArray { shape, fortran_order: *fortran != 0, bytes })
    }
}

/// Reads a pickle.
///
/// # Errors
/// [`PickleError`]. Memory stays proportional to the length of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<Pickle, PickleError> {
    let mut machine =
        Machine { bytes, at: 0, values: Vec::new(), stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        if let Some(top) = machine.step()? {
            return Ok(Pickle { values: machine.values, top });
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<usize>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u64, usize>,
}

const EMPTY: PickleError = PickleError::Damaged("an operation takes more values than there are");

impl<'a> Machine<'a> {
    /// One operation; the value that the pickle is, at its end.
    fn step(&mut self) -> Result<Option<usize>, PickleError> {
        let at = self.at;
        let opcode = self.take(1)?[0];
        match opcode {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Int(1)),
            0x89 => self.push(Value::Int(0)),
            b'K' | b'M' => {
                let width = if opcode == b'K' { 1 } else { 2 };
                let n = self.number(width)?;
                self.push(Value::Int(n.cast_signed()));
            }
            b'J' => {
                let n = self.number(4)? as u32;
                self.push(Value::Int(i64::from(n.cast_signed())));
            }
            b'I' => self.decimal()?,
            // Strings and bytes of one, four and eight bytes of length.
            b'U' | b'C' | 0x8c => self.string(1)?,
            b'T' | b'B' | b'X' => self.string(4)?,
            0x8d | 0x8e => self.string(8)?,
            b']' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(opcode - 0x84)).ok_or(EMPTY)?;
                let parts = self.stack.split_off(start);
                self.push(Value::Tuple(parts));
            }
            b't' => {
                let parts = self.since_mark()?;
                self.push(Value::Tuple(parts));
            }
            b'a' | b'e' => {
                let parts = if opcode == b'a' { vec![self.pop()?] } else { self.since_mark()? };
                let Value::List(list) = self.top_value()? else {
                    return Err(PickleError::Damaged("something is appended to what is no list"));
                };
                list.extend(parts);
            }
            b's' | b'u' => {
                let parts = if opcode == b's' {
                    let value = self.pop()?;
                    vec![self.pop()?, value]
                } else {
                    self.since_mark()?
                };
                let Value::Dict(dict) = self.top_value()? else {
                    return Err(PickleError::Damaged("an item is set in what is no dictionary"));
                };
                dict.extend(parts.chunks_exact(2).map(|pair| (pair[0], pair[1])));
            }
            b'q' | b'r' | 0x94 => {
                let key = match opcode {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    _ => self.memo.len() as u64,
                };
                let value = *self.stack.last().ok_or(EMPTY)?;
                self.memo.insert(key, value);
            }
            b'h' | b'j' => {
                let key = self.number(if opcode == b'h' { 1 } else { 4 })?;
                let value = self.memo.get(&key).ok_or(PickleError::Damaged("it recalls what it never stored"))?;
                self.stack.push(*value);
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Global::named(&module, &name)?));
            }
            0x93 => {
                let (name, module) = (self.pop_text()?, self.pop_text()?);
                self.push(Value::Global(Global::named(&module, &name)?));
            }
            b'R' => self.call()?,
            b'b' => {
                let new = self.pop()?;
                let Value::Object { state, .. } = self.top_value()? else {
                    return Err(PickleError::Damaged("state is given to what has none"));
                };
                *state = Some(new);
            }
            _ => return Err(PickleError::Operation { opcode, at }),
        }
        Ok(None)
    }

    /// A known constructor with its arguments: kept, not run.
    fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let &Value::Global(of) = &self.values[function] else {
            return Err(PickleError::Damaged("what is called is no function"));
        };
        if of != Global::Encode {
            self.push(Value::Object { of, arguments, state: None });
            return Ok(());
        }
        // Text of code points up to 255, one a byte.
        let text = match &self.values[arguments] {
            Value::Tuple(parts) => parts.first().map(|&id| &self.values[id]),
            _ => None,
        };
        let Some(Value::Bytes(utf8)) = text else { return Err(PickleError::Damaged("no text is encoded")) };
        let text = std::str::from_utf8(utf8).map_err(|_| PickleError::Damaged("a text is not UTF-8"))?;
        let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        let bytes = bytes.ok_or(PickleError::Damaged("a text is not Latin-1"))?;
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], PickleError> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(PickleError::Truncated(self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// An unsigned number of `width` bytes, least significant first.
    fn number(&mut self, width: usize) -> Result<u64, PickleError> {
        Ok(self.take(width)?.iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte)))
    }

    fn string(&mut self, width: usize) -> Result<(), PickleError> {
        let length = usize::try_from(self.number(width)?).unwrap_or(usize::MAX);
        let bytes = self.take(length)?.to_vec();
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or(PickleError::Truncated(self.bytes.len()))?;
        let line = self.take(end + 1)?;
        Ok(String::from_utf8_lossy(&line[..end]).into_owned())
    }

    /// A decimal integer, or `00` and `01` for false and true.
    fn decimal(&mut self) -> Result<(), PickleError> {
        let number = self.line()?.parse().map_err(|_| PickleError::Damaged("an integer is none"))?;
        self.push(Value::Int(number));
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.values.push(value);
        self.stack.push(self.values.len() - 1);
    }

    fn pop(&mut self) -> Result<usize, PickleError> {
        self.stack.pop().ok_or(EMPTY)
    }

    fn pop_text(&mut self) -> Result<String, PickleError> {
        let id = self.pop()?;
        match &self.values[id] {
            Value::Bytes(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            _ => Err(PickleError::Damaged("a name is no text")),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<usize>, PickleError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        mark.map(|mark| self.stack.split_off(mark)).ok_or(PickleError::Damaged("a mark is missing"))
    }

    fn top_value(&mut self) -> Result<&mut Value, PickleError> {
        let id = *self.stack.last().ok_or(EMPTY)?;
        Ok(&mut self.values[id])
    }
}
