//! Geometry of images and of the windows that slide over them.

use std::fmt;
use std::ops::Range;

/// Size of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Number of pixels, height times width.
    pub fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Number of features, channels times pixels.
    pub fn features(self) -> usize {
        self.channels * self.pixels()
    }

    /// The number of features, unless it is more than this machine can address.
    pub fn checked_features(self) -> Option<usize> {
        self.channels.checked_mul(self.height)?.checked_mul(self.width)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {} x {}", self.channels, self.height, self.width)
    }
}

/// A square window sliding over an image, as in a convolution or a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The shape of the image that the window slides over.
    pub input: Shape,
    /// The length of the window's side.
    pub kernel: usize,
    /// Distance between neighbouring places of the window.
    pub stride: usize,
    /// Rows and columns around the image that count as outside: zeros in a convolution, absent in a pool.
    pub padding: usize,
}

impl Window {
    /// A window; `None` if it does not fit into the padded image, or a size is 0.
    pub fn new(input: Shape, kernel: usize, stride: usize, padding: usize) -> Option<Self> {
        let fits = |side: usize| side > 0 && side + 2 * padding >= kernel;
        let valid = kernel > 0 && stride > 0 && input.channels > 0 && fits(input.height) && fits(input.width);
        valid.then_some(Self { input, kernel, stride, padding })
    }

    /// The number of rows and of columns of places.
    pub fn places(&self) -> (usize, usize) {
        let along = |side: usize| (side + 2 * self.padding - self.kernel) / self.stride + 1;
        (along(self.input.height), along(self.input.width))
    }

    /// The shape of the output of a layer with this window and `channels` output channels.
    pub fn output(&self, channels: usize) -> Shape {
        let (height, width) = self.places();
        Shape { channels, height, width }
    }

    /// Number of pixels in the window.
    pub fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    /// Calls `f(place, tap, numbers)` for every place and every row of the window, as far as the row lies inside the
    /// image: `numbers` is the range of its neighbouring pixels, `own` numbers for each pixel, and the first pixel is
    /// that of `tap`.
    #[inline(always)]
    pub fn visit_rows(&self, own: usize, mut f: impl FnMut(usize, usize, Range<usize>)) {
        let (rows, columns) = self.places();
        let mut place = 0;
        for row in 0..rows {
            for column in 0..columns {
                let left = column * self.stride;
                let first = self.padding.saturating_sub(left);
                let last = self.kernel.min((self.input.width + self.padding).saturating_sub(left));
                for ky in 0..self.kernel {
                    let y = (row * self.stride + ky).wrapping_sub(self.padding);
                    if y < self.input.height && first < last {
                        let start = y * self.input.width + left + first - self.padding;
                        let pixels = start * own..(start + last - first) * own;
                        f(place, ky * self.kernel + first, pixels);
                    }
                }
                place += 1;
            }
        }
    }

    /// Calls `f(place, tap, pixel)` for every place and every tap of the window, row by row; `pixel` is `None` outside
    /// the image.
    #[inline(always)]
    pub fn visit(&self, mut f: impl FnMut(usize, usize, Option<usize>)) {
        let (rows, columns) = self.places();
        let inside = |place: usize, tap: usize, side: usize| {
            (place * self.stride + tap).checked_sub(self.padding).filter(|&at| at < side)
        };
        let mut place = 0;
        for row in 0..rows {
            for column in 0..columns {
                let mut tap = 0;
                for ky in 0..self.kernel {
                    let y = inside(row, ky, self.input.height);
                    for kx in 0..self.kernel {
                        let x = inside(column, kx, self.input.width);
                        f(place, tap, y.zip(x).map(|(y, x)| y * self.input.width + x));
                        tap += 1;
                    }
                }
                place += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_taps_of_a_padded_window_with_stride() {
        let input = Shape { channels: 2, height: 3, width: 4 };
        let window = Window::new(input, 2, 2, 1).unwrap();
        assert_eq!(window.output(5), Shape { channels: 5, height: 2, width: 3 });
        let mut seen = Vec::new();
        window.visit(|place, tap, pixel| seen.push((place, tap, pixel)));
        assert_eq!(seen.len(), 6 * 4);
        // The first place has only its last tap inside, at the image's first pixel.
        assert_eq!(&seen[..4], [(0, 0, None), (0, 1, None), (0, 2, None), (0, 3, Some(0))]);
        // The last place covers rows 1 and 2, and column 3 and a column outside.
        assert_eq!(&seen[20..], [(5, 0, Some(7)), (5, 1, None), (5, 2, Some(11)), (5, 3, None)]);
    }

    #[test]
    fn rows_of_a_window_are_its_taps_inside_the_image() {
        let input = Shape { channels: 2, height: 5, width: 4 };
        for (kernel, stride, padding) in
            [(2, 2, 0), (3, 2, 1), (3, 1, 1), (1, 2, 0), (5, 1, 2), (3, 3, 2), (1, 1, 2), (1, 1, 3), (2, 1, 4)]
        {
            let window = Window::new(input, kernel, stride, padding).unwrap();
            let (mut taps, mut rows) = (Vec::new(), Vec::new());
            window.visit(|place, tap, pixel| taps.extend(pixel.map(|p| (place, tap, p))));
            window.visit_rows(3, |place, tap, numbers| {
                assert!(numbers.start.is_multiple_of(3) && numbers.end.is_multiple_of(3));
                rows.extend((numbers.start / 3..numbers.end / 3).enumerate().map(|(i, p)| (place, tap + i, p)));
            });
            assert_eq!(rows, taps, "{kernel} {stride} {padding}");
        }
    }

    #[test]
    fn a_window_larger_than_the_padded_image_does_not_exist() {
        let input = Shape { channels: 1, height: 2, width: 5 };
        assert_eq!(Window::new(input, 3, 1, 0), None);
        assert!(Window::new(input, 3, 1, 1).is_some());
        assert_eq!(Window::new(input, 0, 1, 0), None);
        assert_eq!(Window::new(input, 1, 0, 0), None);
    }
}
