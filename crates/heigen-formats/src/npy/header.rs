//! The header of an `.npy` file: magic bytes, version, length, and a Python dictionary.

/// What the dictionary says.
#[derive(Debug, PartialEq)]
pub(super) struct Dictionary<'a> {
    pub(super) descr: Descr<'a>,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// The element type.
#[derive(Debug, PartialEq)]
pub(super) enum Descr<'a> {
    Plain(&'a str),
    /// A list of named fields.
    Records,
}

impl<'a> Dictionary<'a> {
    /// Reads the literal `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, keys in any order.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = Rest(text);
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        rest.eat("{")?;
        while rest.eat("}").is_none() {
            let key = rest.string()?;
            rest.eat(":")?;
            match key {
                // Fields may nest: nothing after them is read.
                "descr" if rest.eat("[").is_some() => {
                    return Some(Self { descr: Descr::Records, fortran_order: false, shape: Vec::new() });
                }
                "descr" => descr = Some(Descr::Plain(rest.string()?)),
                "fortran_order" => fortran_order = Some(rest.truth()?),
                "shape" => shape = Some(rest.shape()?),
                _ => return None,
            }
            if rest.eat(",").is_none() {
                rest.eat("}")?;
                break;
            }
        }
        rest.0.trim().is_empty().then_some(())?;
        Some(Self { descr: descr?, fortran_order: fortran_order?, shape: shape? })
    }
}

/// What is still to be read of a literal.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn eat(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = ["'", "\""].into_iter().find(|quote| self.eat(quote).is_some())?;
        let (string, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(string)
    }

    fn truth(&mut self) -> Option<bool> {
        if self.eat("True").is_some() { Some(true) } else { self.eat("False").map(|()| false) }
    }

    fn shape(&mut self) -> Option<Vec<usize>> {
        self.eat("(")?;
        let (inside, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let mut axes: Vec<&str> = inside.split(',').map(str::trim).collect();
        // A comma may stand at the end; `()` is a single number.
        axes.pop_if(|last| last.is_empty());
        // Python 2 wrote long integers with an L.
        axes.iter().map(|axis| axis.strip_suffix('L').unwrap_or(axis).parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_of_many_writers() {
        let read = Dictionary::parse;
        for text in [
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)}",
            "{\"shape\":(5,),\"fortran_order\":False,\"descr\":\"<f4\"}",
            "{ 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 5L ) , }  \n",
        ] {
            let plain = Dictionary { descr: Descr::Plain("<f4"), fortran_order: false, shape: vec![5] };
            assert_eq!(read(text), Some(plain), "{text}");
        }
        let scalar = read("{'descr': '|b1', 'fortran_order': True, 'shape': (), }").unwrap();
        assert_eq!((scalar.fortran_order, scalar.shape), (true, vec![]));
        let records = read("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (5,)}").unwrap();
        assert_eq!(records.descr, Descr::Records);
        for text in [
            "",
            "{}",
            "{'descr': '<f4'",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-5,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,)} x",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (5,), 'more': 1}",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
