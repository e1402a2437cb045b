//! Attributes of a node.

use crate::error::{OnnxError, quote};
use crate::proto::{AttributeProto, TensorProto};
use bytes::Bytes;
use prost::Message;

/// Most attributes of a node; ONNX's own operators have at most a dozen.
const MOST: usize = 64;

#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<AttributeProto>);

impl Attributes {
    pub(crate) fn decode(encoded: &[Bytes], node: &str) -> Result<Self, OnnxError> {
        if encoded.len() > MOST {
            return Err(OnnxError::TooMany { what: "attributes in one node", got: encoded.len(), most: MOST });
        }
        let decode = |bytes: &Bytes| {
            AttributeProto::decode(bytes.clone())
                .map_err(|e| OnnxError::Protobuf { part: format!("an attribute of {node}"), reason: e.to_string() })
        };
        encoded.iter().map(decode).collect::<Result<_, _>>().map(Self)
    }

    fn get(&self, name: &str) -> Option<&AttributeProto> {
        self.0.iter().find(|a| a.name == name)
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |a| a.i)
    }

    pub(crate) fn float(&self, name: &str, default: f32) -> f64 {
        f64::from(self.get(name).map_or(default, |a| a.f))
    }

    /// A number that somebody wrote in decimals before it was rounded to single precision: 1e-5, not
    /// 9.999999747378752e-6, which PyTorch never computed with.
    pub(crate) fn decimal(&self, name: &str, default: f64) -> f64 {
        self.get(name).map_or(default, |a| a.f.to_string().parse().unwrap_or(f64::from(a.f)))
    }

    /// A text; characters that are not UTF-8 are replaced.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(|a| String::from_utf8_lossy(&a.s).into_owned())
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&[i64]> {
        self.get(name).map(|a| a.ints.as_slice())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<&[f32]> {
        self.get(name).map(|a| a.floats.as_slice())
    }

    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let texts = &self.get(name)?.strings;
        Some(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    /// All integers of all attributes.
    pub(crate) fn all_integers(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.iter().flat_map(|a| a.ints.iter().copied().chain([a.i]))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn tensor(&self, name: &str, node: &str) -> Result<Option<TensorProto>, OnnxError> {
        let Some(encoded) = self.get(name).and_then(|a| a.t.clone()) else {
            return Ok(None);
        };
        let part = format!("attribute {} of {node}", quote(name));
        let decoded = TensorProto::decode(encoded);
        decoded.map(Some).map_err(|e| OnnxError::Protobuf { part, reason: e.to_string() })
    }
}
