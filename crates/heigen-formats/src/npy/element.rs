//! Number types that arrays are written and read in without conversion.

/// An element type: `f32`, `f64` or `i64`, little-endian in files.
pub trait Element: Copy + sealed::Sealed {
    /// NumPy's name of the type, e.g. `<f8`.
    const DESCR: &'static str;
    /// Bytes of one element.
    const BYTES: usize;
    /// Appends the element's bytes.
    #[doc(hidden)]
    fn put(self, bytes: &mut Vec<u8>);
    /// Reads from exactly [`Self::BYTES`] bytes.
    #[doc(hidden)]
    fn take(bytes: &[u8]) -> Option<Self>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! element {
    ($type:ty, $descr:literal) => {
        impl sealed::Sealed for $type {}

        impl Element for $type {
            const DESCR: &'static str = $descr;
            const BYTES: usize = size_of::<$type>();

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn take(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(<$type>::from_le_bytes)
            }
        }
    };
}

element!(f32, "<f4");
element!(f64, "<f8");
element!(i64, "<i8");
