//! Cell images: heat maps and colour bars as one small PNG each, not as thousands of rectangles.

use crate::color::Rgb;
use crate::error::FigureError;

/// An image of `nx` by `ny` cells, each of one colour; the upper row comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    nx: usize,
    ny: usize,
    pixels: Vec<u8>,
}

impl Raster {
    /// Colours `values`, a grid `[ny, nx]` whose row 0 is the lowest one, as plots have it.
    ///
    /// # Errors
    /// Where the grid has no cells or `values` is not `nx * ny` long.
    pub fn from_grid([nx, ny]: [usize; 2], values: &[f64], color: impl Fn(f64) -> Rgb) -> Result<Self, FigureError> {
        if nx == 0 || ny == 0 {
            return Err(FigureError::value("the grid of a raster", format!("{nx} x {ny}"), "at least 1 x 1 cells"));
        }
        if nx.checked_mul(ny) != Some(values.len()) {
            return Err(FigureError::Length {
                what: "the values of a raster".to_owned(),
                got: values.len(),
                wanted: nx.saturating_mul(ny),
                because: "nx * ny of its grid",
            });
        }
        let rows = values.chunks_exact(nx).rev();
        let pixels = rows.flatten().flat_map(|&v| <[u8; 3]>::from(color(v))).collect();
        Ok(Self { nx, ny, pixels })
    }

    /// Number of cells in each direction, `[nx, ny]`.
    pub fn cells(&self) -> [usize; 2] {
        [self.nx, self.ny]
    }

    /// A copy of the image with every cell repeated so that the longer side has at least `pixels` pixels.
    ///
    /// Some PDF viewers blend neighbouring pixels of an enlarged image whatever it asks for; repeated cells keep the
    /// blend to a small part of a cell.
    #[must_use]
    pub(crate) fn repeated(&self, pixels: usize) -> Self {
        let times = pixels.div_ceil(self.nx.max(self.ny)).max(1);
        let mut repeated = Vec::with_capacity(self.pixels.len() * times * times);
        for row in self.pixels.chunks_exact(3 * self.nx) {
            let wide: Vec<u8> = row.chunks_exact(3).flat_map(|p| p.repeat(times)).collect();
            repeated.extend(wide.repeat(times));
        }
        Self { nx: self.nx * times, ny: self.ny * times, pixels: repeated }
    }

    /// The image as a PNG file.
    pub(crate) fn png(&self) -> Result<Vec<u8>, FigureError> {
        encode_png([self.nx, self.ny], &self.pixels, None)
    }
}

impl From<Rgb> for [u8; 3] {
    fn from(color: Rgb) -> Self {
        [color.0, color.1, color.2]
    }
}

/// An RGB image as a PNG file, with its resolution in pixels per inch where known.
pub(crate) fn encode_png([nx, ny]: [usize; 2], rgb: &[u8], dpi: Option<f64>) -> Result<Vec<u8>, FigureError> {
    let failed = |problem: String| FigureError::Render { format: "PNG", problem };
    let side = |n: usize| u32::try_from(n).map_err(|_| failed(format!("{n} pixels on one side are too many")));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side(nx)?, side(ny)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    if let Some(dpi) = dpi {
        let per_metre = (dpi / 0.0254).round() as u32;
        encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    }
    let mut writer = encoder.write_header().map_err(|e| failed(e.to_string()))?;
    writer.write_image_data(rgb).map_err(|e| failed(e.to_string()))?;
    writer.finish().map_err(|e| failed(e.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::color::ColorMap;

    #[test]
    fn the_png_has_the_right_colours_and_the_lowest_row_at_the_bottom() -> Result<(), Box<dyn std::error::Error>> {
        let color = |v: f64| ColorMap::ALIGNMENT.color(0.5 + v / 2.0);
        let raster = Raster::from_grid([3, 2], &[-1.0, 0.0, 1.0, 0.0, 0.0, -1.0], color)?;
        for (raster, times) in [(raster.clone(), 1), (raster.repeated(12), 4)] {
            let bytes = raster.png()?;
            let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
            let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
            let info = reader.next_frame(&mut pixels)?;
            assert_eq!((info.width, info.height), (3 * times, 2 * times));
            let pixel = |x: u32, y: u32| {
                let at = 3 * (y * times * info.width + x * times) as usize;
                Rgb(pixels[at], pixels[at + 1], pixels[at + 2])
            };
            assert_eq!([pixel(0, 1), pixel(1, 1), pixel(2, 1)], [-1.0, 0.0, 1.0].map(color));
            assert_eq!([pixel(0, 0), pixel(1, 0), pixel(2, 0)], [0.0, 0.0, -1.0].map(color));
        }
        Ok(())
    }

    #[test]
    fn wrong_sizes_are_errors() {
        let white = |_: f64| Rgb::WHITE;
        assert!(matches!(Raster::from_grid([0, 2], &[], white), Err(FigureError::Value { .. })));
        assert!(matches!(Raster::from_grid([2, 2], &[0.0; 3], white), Err(FigureError::Length { wanted: 4, .. })));
    }
}
