//! Weights that lie in other files beside the model's: exporters write them there where a model is large, PyTorch by default.

use crate::error::{OnnxError, quote};
use crate::proto::{StringStringEntryProto, TensorProto};
use bytes::Bytes;
use prost::Message;
use std::collections::HashMap;
use std::path::{Component, Path};

/// A function that gives the whole content of the file with the given name in the model's folder, or says why it cannot.
/// It is asked once for each name, and only for relative names that do not lead out of the folder.
pub type OtherFiles<'f> = dyn FnMut(&str) -> Result<Vec<u8>, String> + 'f;

/// Most files that the weights of one model may lie in.
const MOST_FILES: usize = 256;

/// The files that were asked for so far.
pub(crate) struct External<'f> {
    files: &'f mut OtherFiles<'f>,
    read: HashMap<String, Bytes>,
}

impl<'f> External<'f> {
    pub(crate) fn new(files: &'f mut OtherFiles<'f>) -> Self {
        Self { files, read: HashMap::new() }
    }

    /// Number of bytes of all files that were read.
    pub(crate) fn len(&self) -> usize {
        self.read.values().map(Bytes::len).sum()
    }

    /// Puts the bytes that `tensor` has in another file into it.
    pub(crate) fn fetch(&mut self, tensor: &mut TensorProto) -> Result<(), OnnxError> {
        const ELSEWHERE: i32 = 1;
        if tensor.data_location != ELSEWHERE {
            return Ok(());
        }
        let place = Place::of(&tensor.external_data);
        let named = place.as_ref().map_or_else(|_| String::new(), |place| place.location.clone());
        let refused = |problem: String| OnnxError::External { name: quote(&tensor.name), file: quote(&named), problem };
        let place = place.map_err(refused)?;
        let content = self.content(&place.location).map_err(refused)?;
        let bytes = place.of_content(&content).map_err(refused)?;
        tensor.raw_data = Some(bytes);
        tensor.data_location = 0;
        tensor.external_data.clear();
        Ok(())
    }

    fn content(&mut self, location: &str) -> Result<Bytes, String> {
        if let Some(known) = self.read.get(location) {
            return Ok(known.clone());
        }
        stays_inside(location)?;
        if self.read.len() == MOST_FILES {
            return Err(format!("the weights lie in more than {MOST_FILES} files"));
        }
        let content = Bytes::from((self.files)(location)?);
        self.read.insert(location.to_owned(), content.clone());
        Ok(content)
    }
}

/// The place of a tensor's numbers.
struct Place {
    location: String,
    offset: usize,
    length: Option<usize>,
}

impl Place {
    fn of(entries: &[Bytes]) -> Result<Self, String> {
        const MOST_ENTRIES: usize = 16;
        let mut place = Self { location: String::new(), offset: 0, length: None };
        for entry in entries.iter().take(MOST_ENTRIES) {
            let entry = StringStringEntryProto::decode(entry.clone()).map_err(|e| e.to_string())?;
            let key = String::from_utf8_lossy(&entry.key);
            let value = String::from_utf8_lossy(&entry.value);
            let size = || value.parse().map_err(|_| format!("its {key} is {}; expected a size", quote(&value)));
            match &*key {
                "location" => place.location = value.into_owned(),
                "offset" => place.offset = size()?,
                "length" => place.length = Some(size()?),
                _ => {}
            }
        }
        Ok(place)
    }

    /// The tensor's part of the file.
    fn of_content(&self, content: &Bytes) -> Result<Bytes, String> {
        let end = self.length.map_or(Some(content.len()), |length| self.offset.checked_add(length));
        match end.filter(|&end| self.offset <= end && end <= content.len()) {
            Some(end) => Ok(content.slice(self.offset..end)),
            None => Err(format!(
                "the tensor lies at byte {}{}, and the file has {} bytes; is it complete, and of this model?",
                self.offset,
                self.length.map_or_else(String::new, |length| format!(", {length} bytes long")),
                content.len()
            )),
        }
    }
}

/// Refuses names that are absolute or lead out of the model's folder.
fn stays_inside(location: &str) -> Result<(), String> {
    let plain = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
    let foreign = location.contains(['\\', ':', '\0']);
    if location.is_empty() || foreign || !Path::new(location).components().all(plain) {
        return Err("only files in the folder of the ONNX file are read, by names relative to it".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_inside_of_the_folder_are_asked_for() {
        for inside in ["net.onnx.data", "weights/0.bin", "./a"] {
            assert_eq!(stays_inside(inside), Ok(()), "{inside}");
        }
        for outside in ["", "/etc/passwd", "../net.data", "a/../../b", "C:\\b", "\\\\server\\b", "a\0b", "file:///b"] {
            assert!(stays_inside(outside).is_err(), "{outside}");
        }
    }

    #[test]
    fn parts_beyond_the_end_of_the_file_are_refused() {
        let content = Bytes::from_static(&[1, 2, 3, 4]);
        let part = |offset, length| Place { location: String::new(), offset, length }.of_content(&content).ok();
        assert_eq!(part(1, Some(2)).as_deref(), Some(&[2, 3][..]));
        assert_eq!(part(1, None).as_deref(), Some(&[2, 3, 4][..]));
        assert_eq!(part(4, Some(0)).as_deref(), Some(&[][..]));
        assert_eq!(part(2, Some(3)), None);
        assert_eq!(part(5, None), None);
        assert_eq!(part(usize::MAX, Some(2)), None);
    }
}
