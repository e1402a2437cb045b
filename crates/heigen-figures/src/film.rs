//! Films: scenes one after another as an animated PNG, which browsers play and other programs show the first picture of.

use crate::error::FigureError;
use crate::render::pixels;
use crate::scene::Scene;

/// Draws `scenes` one after another as an animated PNG (APNG) at `dpi` pixels per inch. Each stands for `milliseconds`, the last
/// one four times as long; the film begins again for ever. Smaller pictures stand at the upper left of the largest one's area.
///
/// # Errors
/// Where there are no scenes, a page has no positive size, `dpi` is not positive, or the writer fails.
pub fn film(scenes: &[Scene], dpi: f64, milliseconds: u16) -> Result<Vec<u8>, FigureError> {
    if scenes.is_empty() {
        return Err(FigureError::Empty { what: "a film".to_owned(), wanted: "picture" });
    }
    let pictures = scenes.iter().map(|scene| pixels(scene, dpi)).collect::<Result<Vec<_>, _>>()?;
    let side = |axis: usize| pictures.iter().map(|p| p.0[axis]).max().unwrap_or(1);
    let [width, height] = [side(0), side(1)];
    let failed = |problem: String| FigureError::Render { format: "animated PNG", problem };
    let length = |n: usize| u32::try_from(n).map_err(|_| failed(format!("{n} are too many")));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, length(width)?, length(height)?);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    if scenes.len() > 1 {
        encoder.set_animated(length(scenes.len())?, 0).map_err(|e| failed(e.to_string()))?;
        encoder.set_frame_delay(milliseconds, 1000).map_err(|e| failed(e.to_string()))?;
    }
    let mut writer = encoder.write_header().map_err(|e| failed(e.to_string()))?;
    for (i, picture) in pictures.iter().enumerate() {
        if scenes.len() > 1 && i + 1 == scenes.len() {
            writer.set_frame_delay(milliseconds.saturating_mul(4), 1000).map_err(|e| failed(e.to_string()))?;
        }
        writer.write_image_data(&spread(picture, [width, height])).map_err(|e| failed(e.to_string()))?;
    }
    writer.finish().map_err(|e| failed(e.to_string()))?;
    Ok(bytes)
}

/// A picture on a white ground of another size.
fn spread(([nx, ny], rgb): &([usize; 2], Vec<u8>), [width, height]: [usize; 2]) -> Vec<u8> {
    if [*nx, *ny] == [width, height] {
        return rgb.clone();
    }
    let mut out = vec![255; 3 * width * height];
    for (row, line) in rgb.chunks_exact(3 * nx).enumerate().take(height) {
        let at = 3 * width * row;
        out[at..at + 3 * nx].copy_from_slice(line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Align, Element, Label, Point, Rgb};

    fn scene(text: &str, width: f64) -> Result<Scene, FigureError> {
        let mut scene = Scene::new(width, 20.0, "a film");
        scene.push(Element::text(Label::tex(text, 10.0)?, Point::new(2.0, 13.0), Align::Start));
        Ok(scene)
    }

    #[test]
    fn all_pictures_come_one_after_another() -> Result<(), Box<dyn std::error::Error>> {
        let scenes = [scene("1", 40.0)?, scene("2", 60.0)?, scene("3", 60.0)?];
        let bytes = film(&scenes, 72.0, 300)?;
        assert_eq!(bytes, film(&scenes, 72.0, 300)?, "the same scenes are the same bytes");
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info()?;
        let control = reader.info().animation_control.ok_or("no animation")?;
        assert_eq!((control.num_frames, control.num_plays), (3, 0));
        let mut delays = vec![];
        let mut pictures = vec![];
        for _ in 0..3 {
            let mut picture = vec![0; reader.output_buffer_size().ok_or("no size")?];
            let info = reader.next_frame(&mut picture)?;
            assert_eq!((info.width, info.height), (60, 20));
            delays.push(reader.info().frame_control.ok_or("no frame")?.delay_num);
            pictures.push(picture);
        }
        assert_eq!(delays, [300, 300, 1200]);
        assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2]);
        // The smaller picture has a white ground around it.
        let last: [u8; 3] = pictures[0][57..60].try_into()?;
        assert_eq!(last, <[u8; 3]>::from(Rgb::WHITE));
        assert!(film(&[], 72.0, 300).is_err());
        assert!(film(&scenes[..1], 72.0, 300)?.starts_with(b"\x89PNG"));
        Ok(())
    }
}
