//! Bytes: the three formats agree with each other and with themselves from run to run.

mod common;

use common::row;
use heigen_figures::{
    Align, Element, FigureError, Fill, Label, Marker, Path, Point, Raster, Rect, Rgb, Scene, Stroke, Style, figure2,
    render, render_at, svg,
};
use resvg::{tiny_skia, usvg};
use std::io::Read as _;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn small() -> Result<Scene, FigureError> {
    let mut scene = Scene::new(80.0, 40.0, "small <scene>");
    let color = |v: f64| if v > 0.0 { Rgb(142, 145, 227) } else { Rgb(241, 170, 42) };
    let raster = Raster::from_grid([2, 1], &[-1.0, 1.0], color)?;
    scene.push(Element::Image { raster, rect: Rect::new(5.0, 5.0, 20.0, 10.0) });
    let thin = Stroke { dash: vec![2.0, 1.0], opacity: 0.5, ..Stroke::solid(Rgb::BLACK, 0.5).rounded() };
    let style = Style { fill: Some(Fill { color: Rgb::BLACK, opacity: 0.25 }), stroke: Some(thin) };
    let markers = [10.0, 40.0].map(|x| Marker::Diamond.path(Point::new(x, 30.0), 6.0)).to_vec();
    let rect = Rect::new(5.0, 25.0, 30.0, 10.0);
    scene.push(Element::Clip { rect, elements: vec![Element::Shapes { paths: markers, style }] });
    scene.push(Element::text(Label::tex(r"$\hat v_1 = -1$", 10.0)?, Point::new(55.0, 15.0), Align::Middle));
    scene.push(Element::text_upwards(Label::tex("up", 8.0)?, Point::new(75.0, 38.0), Align::Start));
    Ok(scene)
}

/// Width, height and RGB pixels of a PNG file.
fn decode(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), png::DecodingError> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let info = reader.next_frame(&mut pixels)?;
    Ok((info.width as usize, info.height as usize, pixels))
}

#[test]
fn a_small_scene_as_svg() -> Outcome {
    let svg = svg(&small()?)?;
    // The compressed image may change with the compressor; its pixels are tested elsewhere.
    insta::with_settings!({ filters => vec![("base64,[A-Za-z0-9+/=]+", "base64,[image]")] }, {
        insta::assert_snapshot!(svg);
    });
    Ok(())
}

#[test]
fn the_same_scene_gives_the_same_bytes() -> Outcome {
    let rows = [row("gauss/normal_training", 3), row("circle", 2)];
    let (first, second) = (render(&figure2(&rows)?)?, render(&figure2(&rows)?)?);
    assert_eq!(first.svg, second.svg);
    assert!(first.pdf == second.pdf && first.png == second.png);
    for forbidden in ["CreationDate", "ModDate", "CreateDate", "ModifyDate"] {
        assert!(!first.pdf.windows(forbidden.len()).any(|w| w == forbidden.as_bytes()), "{forbidden} in the PDF");
    }
    Ok(())
}

/// Mean absolute difference per channel, of 255, that anti-aliasing of text and of outlines may make.
const TOLERANCE: f64 = 0.6;

#[test]
fn the_outlined_svg_looks_like_the_png() -> Outcome {
    let scene = figure2(&[row("gaussian", 2)])?;
    let rendered = render_at(&scene, 144.0)?;
    let (width, height, png) = decode(&rendered.png)?;
    // No fonts at all: the delivered SVG must not need any.
    let tree = usvg::Tree::from_str(&rendered.svg, &usvg::Options::default())?;
    let mut canvas = tiny_skia::Pixmap::new(u32::try_from(width)?, u32::try_from(height)?).ok_or("no canvas")?;
    // The page may end inside of the last pixels.
    canvas.fill(tiny_skia::Color::WHITE);
    let scale = 144.0 / 72.0 * scene.width as f32 / tree.size().width();
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut canvas.as_mut());
    let outlined = canvas.data().chunks_exact(4).flat_map(|p| &p[..3]);
    let total: u64 = outlined.zip(&png).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    let mean = total as f64 / png.len() as f64;
    assert!(mean < TOLERANCE, "mean difference {mean}");
    assert!(!rendered.svg.contains("<text") && !rendered.svg.contains("font"));
    Ok(())
}

#[test]
fn the_png_has_crisp_cells_of_the_right_colours_and_the_asked_size() -> Outcome {
    let scene = figure2(&[row("gaussian", 1)])?;
    let dpi = 150.0;
    let (width, height, pixels) = decode(&render_at(&scene, dpi)?.png)?;
    // The page has its size in hundredths of points.
    let asked = |points: f64| ((points * 100.0).round() / 100.0 * dpi / 72.0).ceil() as usize;
    assert_eq!([width, height], [asked(scene.width), asked(scene.height)]);
    let map = scene.elements.iter().find_map(|e| if let Element::Image { rect, .. } = e { Some(*rect) } else { None });
    let map = map.ok_or("no map")?;
    let color = |x: f64, y: f64| {
        let px = |t: f64| (t * dpi / 72.0) as usize;
        let at = 3 * (px(map.y + y * map.height) * width + px(map.x + x * map.width));
        Rgb(pixels[at], pixels[at + 1], pixels[at + 2])
    };
    let (orange, white, violet) = (Rgb(241, 170, 42), Rgb::WHITE, Rgb(142, 145, 227));
    // Also close to the cells' common sides, where smoothing would show.
    for (x, y, expected) in [
        (0.25, 0.75, orange),
        (0.75, 0.75, white),
        (0.25, 0.25, white),
        (0.75, 0.25, violet),
        (0.48, 0.9, orange),
        (0.52, 0.9, white),
        (0.48, 0.1, white),
        (0.52, 0.1, violet),
    ] {
        assert_eq!(color(x, y), expected, "at {x}, {y}");
    }
    Ok(())
}

#[test]
fn the_pdf_holds_text_that_can_be_searched() -> Outcome {
    let text = pdf_text(&render_at(&figure2(&[row("gauss_1", 2)])?, 30.0)?.pdf)?;
    for word in ["gauss_1", "decision boundary", "v1", "λ2", "=0.0154", "Alignment", "\u{2212}0.5"] {
        assert!(text.contains(word), "`{word}` in `{text}`");
    }
    Ok(())
}

/// The characters of all `Tj` strings in drawing order, through the fonts' `ToUnicode` tables.
fn pdf_text(pdf: &[u8]) -> Result<String, Box<dyn std::error::Error>> {
    let mut tables: Vec<Vec<(u16, char)>> = Vec::new();
    let mut contents = Vec::new();
    let mut rest = pdf;
    while let Some(at) = find(rest, b"\nstream\n") {
        rest = &rest[at + 8..];
        let mut stream = Vec::new();
        if flate2::read::ZlibDecoder::new(rest).read_to_end(&mut stream).is_err() {
            continue;
        }
        if find(&stream, b"begincmap").is_some() {
            tables.push(unicode_table(std::str::from_utf8(&stream)?));
        } else if find(&stream, b" Tf ").is_some() {
            contents.extend(stream);
        }
    }
    let mut text = String::new();
    let mut font = 0;
    let mut rest = contents.as_slice();
    while let Some(at) = find(rest, b"BT ") {
        rest = &rest[at..];
        let name = find(rest, b"/f").ok_or("no font")?;
        font = char::from(rest[name + 2]).to_digit(10).map_or(font, |d| d as usize);
        let open = find(rest, b"(").ok_or("no string")?;
        let (codes, used) = literal(&rest[open + 1..]);
        rest = &rest[open + 1 + used..];
        for code in codes.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])) {
            let table = tables.get(font).ok_or("no ToUnicode table")?;
            text.push(table.iter().find(|(c, _)| *c == code).ok_or("code without character")?.1);
        }
    }
    Ok(text)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|w| w == what)
}

fn unicode_table(cmap: &str) -> Vec<(u16, char)> {
    let entry = |line: &str| {
        let (code, character) = line.strip_prefix('<')?.strip_suffix('>')?.split_once("> <")?;
        let character = char::from_u32(u32::from_str_radix(character, 16).ok()?)?;
        Some((u16::from_str_radix(code, 16).ok()?, character))
    };
    cmap.lines().filter_map(entry).collect()
}

/// A PDF string in round brackets: its bytes, and how far it reaches.
fn literal(bytes: &[u8]) -> (Vec<u8>, usize) {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match (byte, bytes.get(at)) {
            (b')', _) => break,
            (b'\\', Some(b'0'..=b'7')) => {
                let digits = bytes[at..].iter().take(3).take_while(|b| (b'0'..=b'7').contains(b));
                let value = digits.clone().fold(0, |v, d| 8 * v + u32::from(d - b'0'));
                at += digits.count();
                out.push(value as u8);
            }
            (b'\\', Some(&escaped)) => {
                at += 1;
                out.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'f' => 12,
                    other => other,
                });
            }
            _ => out.push(byte),
        }
    }
    (out, at)
}

#[test]
fn pages_and_resolutions_must_be_positive() -> Outcome {
    for (width, height) in [(0.0, 10.0), (10.0, f64::NAN)] {
        assert!(matches!(render(&Scene::new(width, height, "")), Err(FigureError::Value { .. })));
        assert!(matches!(svg(&Scene::new(width, height, "")), Err(FigureError::Value { .. })));
    }
    for dpi in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(render_at(&small()?, dpi), Err(FigureError::Value { .. })));
    }
    assert!(matches!(render_at(&small()?, 1e9), Err(FigureError::Render { format: "PNG", .. })));
    Ok(())
}

#[test]
fn an_empty_page_is_white() -> Outcome {
    let (_, _, pixels) = decode(&render_at(&Scene::new(3.0, 3.0, ""), 72.0)?.png)?;
    assert!(pixels.iter().all(|&p| p == 255));
    let mut scene = Scene::new(3.0, 3.0, "");
    scene.push(Element::shape(Path::default(), Style::default()));
    render(&scene)?;
    Ok(())
}
