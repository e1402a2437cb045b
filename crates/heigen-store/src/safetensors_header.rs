//! The header of a safetensors file before the library reads it: a key that stands twice, of which the library would keep
//! the last one.

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// The first key that stands twice in an object of the JSON text `header`, nested or not; none also if it is no JSON, which
/// the library says better.
pub(crate) fn repeated_key(header: &[u8]) -> Option<String> {
    let mut found = None;
    let mut text = serde_json::Deserializer::from_slice(header);
    // An error is the message by which the first repetition ends the reading, or one about broken JSON.
    let _ = Keys(&mut found).read(&mut text);
    found
}

/// Reads a value and notes the first key that it repeats.
struct Keys<'f>(&'f mut Option<String>);

impl Keys<'_> {
    fn read<'de, D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.read(from)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                *self.0 = Some(key);
                return Err(A::Error::custom("a key stands twice"));
            }
            keys.insert(key);
            map.next_value_seed(Keys(&mut *self.0))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::repeated_key;

    #[test]
    fn keys_that_stand_twice_are_found_at_every_depth() {
        let plain =
            br#"{"a": {"dtype": "F32", "shape": [1, 2], "x": null}, "b": {"dtype": "F32", "n": [-1, 0.5, true]}}  "#;
        assert_eq!(repeated_key(plain), None);
        assert_eq!(repeated_key(br#"{"a": {}, "b": {}, "a": {}}"#).as_deref(), Some("a"));
        assert_eq!(repeated_key(br#"{"a": {"dtype": "F32", "dtype": "F64"}}"#).as_deref(), Some("dtype"));
        assert_eq!(repeated_key(br#"{"\u0061": {}, "a": {}}"#).as_deref(), Some("a"));
        assert_eq!(repeated_key(b"{\"a\": "), None);
    }
}
