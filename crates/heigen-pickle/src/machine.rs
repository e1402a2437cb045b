//! The stack machine: one operation after another, each of which takes and leaves ids of values.

use std::collections::HashMap;

use crate::foreign_text::shown;
use crate::{Id, Known, Object, Pickle, PickleError, Value};

/// Most names of unknown functions and classes that are kept; a pickle of plain data has a few.
const MOST_OTHERS: usize = 10_000;

const EMPTY: PickleError = PickleError::Damaged("an operation takes more values than there are");

/// Reads a pickle of protocol 0 to 5; what follows its end is ignored.
///
/// # Cost
/// Time and memory are proportional to the length of `bytes`; texts and bytes are borrowed.
///
/// # Errors
/// [`PickleError`]: it is truncated or damaged, it needs an operation that plain data do not, or it names a function or
/// class that is not `known`.
pub fn parse<'a, G: Copy>(bytes: &'a [u8], known: &Known<'_, G>) -> Result<Pickle<'a, G>, PickleError> {
    let (values, stack, marks, others) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut machine = Machine { bytes, at: 0, known, values, stack, marks, memo: HashMap::new(), others };
    loop {
        if let Some(top) = machine.step()? {
            return Ok(Pickle { values: machine.values, top, others: machine.others });
        }
    }
}

struct Machine<'a, 'k, G> {
    bytes: &'a [u8],
    at: usize,
    known: &'k Known<'k, G>,
    values: Vec<Value<'a, G>>,
    stack: Vec<Id>,
    /// Heights of the stack at which collections begin.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
    /// Names of functions and classes that are not known.
    others: Vec<String>,
}

impl<'a, G: Copy> Machine<'a, '_, G> {
    /// One operation; the value that the pickle is, at its end.
    fn step(&mut self) -> Result<Option<Id>, PickleError> {
        let at = self.at;
        let opcode = self.take(1)?[0];
        match opcode {
            // Protocol and frames.
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'2' => {
                let top = *self.stack.last().ok_or(EMPTY)?;
                self.stack.push(top);
            }
            b'N' | 0x88 | 0x89 | b'K' | b'M' | b'J' | b'I' | b'L' | 0x8a | 0x8b | b'G' | b'F' => self.scalar(opcode)?,
            // Strings and bytes of one, four and eight bytes of length.
            b'U' | b'C' | 0x8c => self.string(1)?,
            b'T' | b'B' | b'X' => self.string(4)?,
            0x8d | 0x8e | 0x96 => self.string(8)?,
            b']' | b'}' | b')' | 0x85..=0x87 | b't' | b'l' | b'd' | 0x8f | 0x91 => self.collection(opcode)?,
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(opcode)?,
            b'q' | b'r' | 0x94 | b'p' => {
                let key = match opcode {
                    b'q' => self.number(1)?,
                    b'r' => self.number(4)?,
                    b'p' => self.decimal()?,
                    _ => self.memo.len() as u64,
                };
                let value = *self.stack.last().ok_or(EMPTY)?;
                self.memo.insert(key, value);
            }
            b'h' | b'j' | b'g' => {
                let key = match opcode {
                    b'h' => self.number(1)?,
                    b'j' => self.number(4)?,
                    _ => self.decimal()?,
                };
                let value = self.memo.get(&key).ok_or(PickleError::Damaged("it recalls what it never stored"))?;
                self.stack.push(*value);
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
            }
            0x93 => {
                let (name, module) = (self.pop_bytes()?, self.pop_bytes()?);
                self.global(module, name)?;
            }
            // An instance by its class: refused by the class's name if that is unknown, as an operation if known.
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                self.global(module, name)?;
                if self.known.others.is_none() {
                    return Err(PickleError::Operation { opcode, at });
                }
                let class = self.pop()?;
                let arguments = Value::Tuple(self.since_mark()?);
                self.stack.push(class);
                self.push(arguments);
                self.call()?;
            }
            b'R' | 0x81 => self.call()?,
            // A call whose arguments have names, too: these are not kept.
            0x92 => {
                self.pop()?;
                self.call()?;
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name));
            }
            b'b' => {
                let new = self.pop()?;
                let Value::Object(object) = self.top_value()? else {
                    return Err(PickleError::Damaged("state is given to what has none"));
                };
                object.state = Some(new);
            }
            _ => return Err(PickleError::Operation { opcode, at }),
        }
        Ok(None)
    }

    fn scalar(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value = match opcode {
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.number(1)?.cast_signed()),
            b'M' => Value::Int(self.number(2)?.cast_signed()),
            b'J' => Value::Int(i64::from((self.number(4)? as u32).cast_signed())),
            b'I' => match self.line()? {
                b"00" => Value::Bool(false),
                b"01" => Value::Bool(true),
                line => Value::Int(decimal(line)?),
            },
            b'L' => {
                let line = self.line()?;
                Value::Int(decimal(line.strip_suffix(b"L").unwrap_or(line))?)
            }
            0x8a | 0x8b => {
                let length = self.number(if opcode == 0x8a { 1 } else { 4 })?;
                integer(self.take(usize::try_from(length).unwrap_or(usize::MAX))?)
            }
            b'G' => Value::Float(f64::from_bits(self.number(8)?.swap_bytes())),
            _ => Value::Float(decimal(self.line()?)?),
        };
        self.push(value);
        Ok(())
    }

    fn collection(&mut self, opcode: u8) -> Result<(), PickleError> {
        let value = match opcode {
            b']' => Value::List(Vec::new()),
            b'}' => Value::Dict(Vec::new()),
            b')' => Value::Tuple(Vec::new()),
            0x8f => Value::Set(Vec::new()),
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(opcode - 0x84)).ok_or(EMPTY)?;
                Value::Tuple(self.stack.split_off(start))
            }
            b't' => Value::Tuple(self.since_mark()?),
            b'l' => Value::List(self.since_mark()?),
            b'd' => Value::Dict(pairs(&self.since_mark()?)?),
            _ => Value::Set(self.since_mark()?),
        };
        self.push(value);
        Ok(())
    }

    /// Puts values into the collection below them.
    fn fill(&mut self, opcode: u8) -> Result<(), PickleError> {
        let parts = match opcode {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        match (opcode, self.top_value()?) {
            (b'a' | b'e', Value::List(list) | Value::Object(Object { elements: list, .. })) => list.extend(parts),
            (b'a' | b'e', _) => return Err(PickleError::Damaged("something is appended to what is no list")),
            (0x90, Value::Set(set)) => set.extend(parts),
            (0x90, _) => return Err(PickleError::Damaged("something is added to what is no set")),
            (_, Value::Dict(items) | Value::Object(Object { items, .. })) => items.extend(pairs(&parts)?),
            _ => return Err(PickleError::Damaged("an item is set in what is no dictionary")),
        }
        Ok(())
    }

    fn global(&mut self, module: &[u8], name: &[u8]) -> Result<(), PickleError> {
        let mut known = self.known.globals.iter();
        let found = known.find(|(m, n, _)| m.as_bytes() == module && n.as_bytes() == name);
        let global = match (found, self.known.others) {
            (Some(&(_, _, global)), _) => global,
            (None, Some(other)) if self.others.len() < MOST_OTHERS => {
                self.others.push(full_name(module, name));
                other(self.others.len() - 1)
            }
            _ => return Err(PickleError::Call { name: full_name(module, name), makes: self.known.makes }),
        };
        self.push(Value::Global(global));
        Ok(())
    }

    /// A known function with its arguments: kept, not run.
    fn call(&mut self) -> Result<(), PickleError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let of = match &self.values[function.0] {
            Value::Global(of) => *of,
            // What an unknown function returns is as opaque as the function itself.
            Value::Object(object) if self.known.others.is_some() => object.of,
            _ => return Err(PickleError::Damaged("what is called is no function")),
        };
        self.push(Value::Object(Object { of, arguments, state: None, elements: Vec::new(), items: Vec::new() }));
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

    /// A number of the memo, on a line.
    fn decimal(&mut self) -> Result<u64, PickleError> {
        decimal(self.line()?)
    }

    fn string(&mut self, width: usize) -> Result<(), PickleError> {
        let length = usize::try_from(self.number(width)?).unwrap_or(usize::MAX);
        let bytes = self.take(length)?;
        self.push(Value::Bytes(bytes));
        Ok(())
    }

    fn line(&mut self) -> Result<&'a [u8], PickleError> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or(PickleError::Truncated(self.bytes.len()))?;
        Ok(&self.take(end + 1)?[..end])
    }

    fn push(&mut self, value: Value<'a, G>) {
        self.stack.push(Id(self.values.len()));
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, PickleError> {
        self.stack.pop().ok_or(EMPTY)
    }

    fn pop_bytes(&mut self) -> Result<&'a [u8], PickleError> {
        let id = self.pop()?;
        match self.values[id.0] {
            Value::Bytes(text) => Ok(text),
            _ => Err(PickleError::Damaged("a name is no text")),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, PickleError> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        mark.map(|mark| self.stack.split_off(mark)).ok_or(PickleError::Damaged("a mark is missing"))
    }

    fn top_value(&mut self) -> Result<&mut Value<'a, G>, PickleError> {
        let id = *self.stack.last().ok_or(EMPTY)?;
        Ok(&mut self.values[id.0])
    }
}

/// `module.name` in the form in which messages repeat it.
fn full_name(module: &[u8], name: &[u8]) -> String {
    format!("{}.{}", shown(&String::from_utf8_lossy(module)), shown(&String::from_utf8_lossy(name)))
}

fn pairs(parts: &[Id]) -> Result<Vec<(Id, Id)>, PickleError> {
    let (pairs, rest) = parts.as_chunks::<2>();
    if rest.is_empty() {
        Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
    } else {
        Err(PickleError::Damaged("a key has no value"))
    }
}

fn decimal<T: std::str::FromStr>(line: &[u8]) -> Result<T, PickleError> {
    let number = std::str::from_utf8(line).ok().and_then(|text| text.trim_end_matches('\r').parse().ok());
    number.ok_or(PickleError::Damaged("a number on a line is none"))
}

/// The integer of any length whose bytes in two's complement, least significant first, are `bytes`.
fn integer<G>(bytes: &[u8]) -> Value<'_, G> {
    if bytes.len() > 8 {
        return Value::Long(bytes);
    }
    let negative = bytes.last().is_some_and(|&top| top >= 0x80);
    let start = if negative { -1_i64 } else { 0 };
    Value::Int(bytes.iter().rev().fold(start, |n, &byte| n << 8 | i64::from(byte)))
}
