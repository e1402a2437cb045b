//! Screenshots against those that were looked at: coarsely, since fonts differ from machine to machine.
//!
//! `HEIGEN_BLESS=1` writes the pictures anew, which then have to be looked at: full screenshots lie under the folder `explorer` of
//! the tests' temporary files.

use std::path::Path;

/// Pixels of a screenshot along each side of one pixel of the kept picture.
const SHRUNK: usize = 10;
/// Blocks along each side in which pictures are compared.
const BLOCKS: [usize; 2] = [28, 40];
/// A block whose mean colour differs by more than this in any channel is another.
const OTHER: f64 = 34.0;
/// The largest share of other blocks.
const MOST: f64 = 0.03;

/// A picture of three channels.
struct Picture {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// The mean colours of `columns` by `rows` equal blocks.
    fn shrunk(&self, columns: usize, rows: usize) -> Vec<[f64; 3]> {
        let part = |i: usize, n: usize, length: usize| (i * length / n)..((i + 1) * length / n).max(i * length / n + 1);
        let mean = |i: usize, j: usize| {
            let (xs, ys) = (part(i, columns, self.width), part(j, rows, self.height));
            let count = (xs.len() * ys.len()) as f64;
            let mut sums = [0.0; 3];
            for y in ys {
                for x in xs.clone() {
                    let at = 3 * (x + self.width * y);
                    sums.iter_mut().zip(&self.pixels[at..at + 3]).for_each(|(sum, &v)| *sum += f64::from(v) / count);
                }
            }
            sums
        };
        (0..rows).flat_map(|j| (0..columns).map(move |i| (i, j))).map(|(i, j)| mean(i, j)).collect()
    }

    fn read(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self { width: info.width as usize, height: info.height as usize, pixels }
    }

    fn write(&self, path: &Path) {
        let file = std::fs::File::create(path).expect("a file");
        let mut encoder = png::Encoder::new(file, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.pixels)).expect("a PNG");
    }
}

/// The share of blocks in which two pictures differ.
fn difference(one: &Picture, other: &Picture) -> f64 {
    let [columns, rows] = BLOCKS;
    let blocks = one.shrunk(columns, rows).into_iter().zip(other.shrunk(columns, rows));
    let differs = |(a, b): ([f64; 3], [f64; 3])| a.iter().zip(b).any(|(a, b)| (a - b).abs() > OTHER);
    blocks.filter(|&pair| differs(pair)).count() as f64 / (columns * rows) as f64
}

/// Fails if a screenshot of four channels does not look like the kept picture `name`.
pub(crate) fn assert_alike(name: &str, width: u32, height: u32, rgba: &[u8]) {
    let pixels = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
    let shot = Picture { width: width as usize, height: height as usize, pixels };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/live/pictures/{name}.png"));
    if std::env::var_os("HEIGEN_BLESS").is_some() {
        let (columns, rows) = (shot.width / SHRUNK, shot.height / SHRUNK);
        let pixels = shot.shrunk(columns, rows).into_iter().flatten().map(|v| v.round() as u8).collect();
        Picture { width: columns, height: rows, pixels }.write(&path);
    }
    let kept = Picture::read(&path);
    let ratio = shot.height as f64 / (SHRUNK * kept.height) as f64;
    assert!((0.9..1.1).contains(&ratio), "{name} is {height} high, and was {} before", SHRUNK * kept.height);
    let share = difference(&shot, &kept);
    assert!(share <= MOST, "{name} differs from the kept picture in {:.1} % of its blocks", 100.0 * share);
}

#[test]
fn pictures_that_differ_are_told_apart_and_shifts_by_a_few_pixels_are_not() {
    let picture = |left: usize, color: u8| {
        let mut pixels = vec![250; 3 * 560 * 800];
        for y in 200..500 {
            for x in left..left + 300 {
                pixels[3 * (x + 560 * y)..][..3].fill(color);
            }
        }
        Picture { width: 560, height: 800, pixels }
    };
    let one = picture(100, 60);
    assert_eq!(difference(&one, &picture(102, 60)), 0.0);
    assert_eq!(difference(&one, &picture(100, 80)), 0.0);
    assert!(difference(&one, &picture(140, 60)) > MOST);
    assert!(difference(&one, &picture(100, 120)) > 0.2);
}
