//! A scene as SVG text, in two forms: glyphs as outlines for delivery, glyphs as text for the PDF and PNG writers.

use crate::color::Rgb;
use crate::error::FigureError;
use crate::fonts::{FAMILY, Face};
use crate::geometry::{Path, Point, Rect, Segment};
use crate::label::Label;
use crate::scene::{Element, Scene, Style};
use base64::Engine as _;
use std::fmt::Write as _;

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Glyph outlines: looks alike in every viewer, needs no fonts.
    Outlines,
    /// Characters with a place each: can be searched; needs the built-in fonts.
    Text,
}

/// Digits after the point, in points: a hundredth is a quarter of a pixel at 1,800 dpi.
const DECIMALS: usize = 2;
/// Digits after the point in glyph outlines, which are small and need one more.
const FINE: usize = 3;
/// 10^FINE: in units of its inverse the places of glyphs are whole numbers.
const FINEST: f64 = 1e3;
/// Least pixels on the longer side of an image that PDF viewers may enlarge.
const IMAGE_PIXELS: usize = 500;

/// The scene as an SVG file.
pub(crate) fn write(scene: &Scene, form: Form) -> Result<String, FigureError> {
    for (what, length) in [("the width of the page", scene.width), ("the height of the page", scene.height)] {
        if !(length.is_finite() && length > 0.0) {
            return Err(FigureError::value(what, length, "a positive number of points"));
        }
    }
    let (width, height) = (number(scene.width, DECIMALS), number(scene.height, DECIMALS));
    // Whoever shows the drawing can keep its text legible.
    let smallest = smallest_text(&scene.elements)
        .map_or_else(String::new, |size| format!(r#" data-smallest-text="{}""#, number(size, DECIMALS)));
    let mut out = String::new();
    // Bare lengths, not points: the tree that PDF and PNG are drawn from then has points as its unit.
    let unit = if form == Form::Outlines { "pt" } else { "" };
    line(
        &mut out,
        format_args!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}{unit}" height="{height}{unit}" viewBox="0 0 {width} {height}"{smallest}>"#
        ),
    );
    if !scene.title.is_empty() {
        line(&mut out, format_args!("<title>{}</title>", escape(&scene.title)));
    }
    line(&mut out, format_args!(r##"<path fill="#ffffff" d="M0 0H{width}V{height}H0Z"/>"##));
    for element in &scene.elements {
        write_element(&mut out, element, form)?;
    }
    out.push_str("</svg>\n");
    Ok(out)
}

/// The font size of the smallest label, in points; indices are smaller, as everywhere.
fn smallest_text(elements: &[Element]) -> Option<f64> {
    let size = |element: &Element| match element {
        Element::Text { label, .. } => Some(label.size()).filter(|_| label.width() > 0.0),
        Element::Clip { elements, .. } => smallest_text(elements),
        Element::Shapes { .. } | Element::Image { .. } => None,
    };
    elements.iter().filter_map(size).reduce(f64::min)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
    out.push('\n');
}

fn write_element(out: &mut String, element: &Element, form: Form) -> Result<(), FigureError> {
    match element {
        Element::Shapes { paths, style } => {
            let style = attributes(style);
            if let [path] = paths.as_slice() {
                line(out, format_args!(r#"<path {style} d="{}"/>"#, data(path, DECIMALS)));
            } else if !paths.is_empty() {
                line(out, format_args!("<g {style}>"));
                for path in paths {
                    line(out, format_args!(r#"<path d="{}"/>"#, data(path, DECIMALS)));
                }
                line(out, format_args!("</g>"));
            }
        }
        Element::Text { label, origin, upwards, color } => match form {
            Form::Outlines => outlined(out, label, *origin, *upwards, *color)?,
            Form::Text => characters(out, label, *origin, *upwards, *color),
        },
        Element::Image { raster, rect } => {
            let png = if form == Form::Text { raster.repeated(IMAGE_PIXELS).png()? } else { raster.png()? };
            let [x, y, width, height] = numbers(*rect);
            let png = base64::engine::general_purpose::STANDARD.encode(png);
            line(
                out,
                format_args!(
                    r#"<image x="{x}" y="{y}" width="{width}" height="{height}" preserveAspectRatio="none" image-rendering="optimizeSpeed" style="image-rendering:pixelated" href="data:image/png;base64,{png}"/>"#
                ),
            );
        }
        Element::Clip { rect, elements } => {
            let [x, y, width, height] = numbers(*rect);
            // Named after its content: figures put side by side on one web page do not disturb each other.
            let id = format!("clip_{x}_{y}_{width}_{height}");
            if !out.contains(&format!(r#"<clipPath id="{id}">"#)) {
                let (right, bottom) = (number(rect.right(), DECIMALS), number(rect.bottom(), DECIMALS));
                line(out, format_args!(r#"<clipPath id="{id}"><path d="M{x} {y}H{right}V{bottom}H{x}Z"/></clipPath>"#));
            }
            line(out, format_args!(r#"<g clip-path="url(#{id})">"#));
            for element in elements {
                write_element(out, element, form)?;
            }
            line(out, format_args!("</g>"));
        }
    }
    Ok(())
}

fn outlined(out: &mut String, label: &Label, at: Point, upwards: bool, color: Rgb) -> Result<(), FigureError> {
    let place = |p: Point| {
        if upwards { Point::new(at.x + p.y, at.y - p.x) } else { Point::new(at.x + p.x, at.y + p.y) }
    };
    let path = outline(&label.outlines()?.map(place));
    if !path.is_empty() {
        let (text, fill) = (escape(&label.text()), color.hex());
        line(out, format_args!(r#"<path role="img" aria-label="{text}" fill="{fill}" d="{path}"/>"#));
    }
    Ok(())
}

/// One `text` element per stretch of glyphs that share face, size and height, with the place of every character.
fn characters(out: &mut String, label: &Label, at: Point, upwards: bool, color: Rgb) {
    let turn = if upwards {
        let (x, y) = (number(at.x, FINE), number(at.y, FINE));
        format!(r#" transform="rotate(-90 {x} {y})""#)
    } else {
        String::new()
    };
    for run in label.glyphs.chunk_by(|a, b| a.face == b.face && a.size == b.size && a.at.y == b.at.y) {
        let Some(first) = run.first() else { continue };
        let slant = if first.face == Face::Italic { r#" font-style="italic""# } else { "" };
        let xs: Vec<String> = run.iter().map(|g| number(at.x + g.at.x, FINE)).collect();
        let text: String = run.iter().map(|g| g.character).collect();
        line(
            out,
            format_args!(
                r#"<text xml:space="preserve"{turn} font-family="{FAMILY}"{slant} font-size="{}" fill="{}" x="{}" y="{}">{}</text>"#,
                number(first.size, FINE),
                color.hex(),
                xs.join(" "),
                number(at.y + first.at.y, FINE),
                escape(&text),
            ),
        );
    }
}

fn attributes(style: &Style) -> String {
    let mut text = match &style.fill {
        None => r#"fill="none""#.to_owned(),
        Some(fill) if fill.opacity >= 1.0 => format!(r#"fill="{}""#, fill.color.hex()),
        Some(fill) => format!(r#"fill="{}" fill-opacity="{}""#, fill.color.hex(), number(fill.opacity, FINE)),
    };
    if let Some(stroke) = &style.stroke {
        let (color, width) = (stroke.color.hex(), number(stroke.width, FINE));
        let _ = write!(text, r#" stroke="{color}" stroke-width="{width}""#);
        if stroke.opacity < 1.0 {
            let _ = write!(text, r#" stroke-opacity="{}""#, number(stroke.opacity, FINE));
        }
        if !stroke.dash.is_empty() {
            let dash: Vec<String> = stroke.dash.iter().map(|&d| number(d, FINE)).collect();
            let _ = write!(text, r#" stroke-dasharray="{}""#, dash.join(" "));
        }
        if stroke.round {
            text.push_str(r#" stroke-linejoin="round" stroke-linecap="round""#);
        }
    }
    text
}

fn data(path: &Path, decimals: usize) -> String {
    let mut text = String::new();
    let mut step = |letter: char, points: &[Point]| {
        text.push(letter);
        for (i, p) in points.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            let _ = write!(text, "{gap}{} {}", number(p.x, decimals), number(p.y, decimals));
        }
    };
    for segment in &path.segments {
        match *segment {
            Segment::Move(p) => step('M', &[p]),
            Segment::Line(p) => step('L', &[p]),
            Segment::Quad(c, p) => step('Q', &[c, p]),
            Segment::Cubic(c, d, p) => step('C', &[c, d, p]),
            Segment::Close => step('Z', &[]),
        }
    }
    text
}

/// A path of glyphs, which are most of the bytes of a drawing: every point is told by its way from the one before, in few digits.
fn outline(path: &Path) -> String {
    // Differences of rounded places add up to these places, whatever their number.
    let rounded = |p: Point| [p.x, p.y].map(|v| (v * FINEST).round());
    let (mut at, mut start, mut before) = ([0.0; 2], [0.0; 2], ' ');
    let mut text = String::new();
    for segment in &path.segments {
        let (letter, points) = match *segment {
            Segment::Move(p) => ('m', vec![p]),
            Segment::Line(p) => ('l', vec![p]),
            Segment::Quad(c, p) => ('q', vec![c, p]),
            Segment::Cubic(c, d, p) => ('c', vec![c, d, p]),
            Segment::Close => ('z', vec![]),
        };
        // A letter stands for all that follows until the next one; what follows a move would be lines.
        let mut apart = letter == before && letter != 'm';
        if !apart {
            text.push(letter);
        }
        before = letter;
        let points: Vec<[f64; 2]> = points.into_iter().map(rounded).collect();
        for way in points.iter().flat_map(|p| [p[0] - at[0], p[1] - at[1]]) {
            let digits = short(&number(way / FINEST, FINE));
            if apart && !digits.starts_with('-') {
                text.push(' ');
            }
            text.push_str(&digits);
            apart = true;
        }
        at = points.last().copied().unwrap_or(start);
        if letter == 'm' {
            start = at;
        }
    }
    text
}

/// A number without the zero before its point.
fn short(number: &str) -> String {
    match (number.strip_prefix("0."), number.strip_prefix("-0.")) {
        (Some(digits), _) => format!(".{digits}"),
        (_, Some(digits)) => format!("-.{digits}"),
        _ => number.to_owned(),
    }
}

fn numbers(r: Rect) -> [String; 4] {
    [r.x, r.y, r.width, r.height].map(|v| number(v, DECIMALS))
}

/// A number without needless digits and without a negative zero.
fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (value, text) in [(1.0, "1"), (-0.001, "0"), (0.125, "0.12"), (100.0, "100"), (-2.5, "-2.5")] {
            assert_eq!(number(value, 2), text);
        }
        assert_eq!(number(10.0, 0), "10");
    }

    /// The places of a path that is told by ways, as a reader of SVG finds them.
    fn places(text: &str) -> Vec<[f64; 2]> {
        let (mut at, mut start, mut found) = ([0.0f64; 2], [0.0; 2], vec![]);
        let mut rest = text;
        while let Some(letter) = rest.chars().next() {
            let end = rest[1..].find(|c: char| c.is_ascii_alphabetic()).map_or(rest.len(), |end| end + 1);
            let spaced = rest[1..end].replace('-', " -");
            let numbers: Vec<f64> = spaced.split_whitespace().map(|n| n.parse().unwrap()).collect();
            rest = &rest[end..];
            let each = match letter {
                'm' | 'l' => 2,
                'q' => 4,
                'c' => 6,
                _ => 0,
            };
            if letter == 'z' {
                at = start;
                continue;
            }
            for segment in numbers.chunks_exact(each) {
                let from = at;
                for way in segment.chunks_exact(2) {
                    at = [from[0] + way[0], from[1] + way[1]];
                    found.push(at);
                }
                if letter == 'm' {
                    start = at;
                }
            }
        }
        found
    }

    #[test]
    fn glyphs_told_by_ways_stand_where_they_were() {
        let path = Label::tex(r"$\lambda_1 = -0.5$ a, b: 80 %", 11.0).unwrap().outlines().unwrap();
        let path = path.map(|p| Point::new(311.0 + p.x / 3.0, 1200.0 - p.y));
        let wanted: Vec<Point> = (path.segments.iter())
            .flat_map(|segment| match *segment {
                Segment::Move(p) | Segment::Line(p) => vec![p],
                Segment::Quad(c, p) => vec![c, p],
                Segment::Cubic(c, d, p) => vec![c, d, p],
                Segment::Close => vec![],
            })
            .collect();
        let text = outline(&path);
        let got = places(&text);
        assert_eq!(got.len(), wanted.len());
        for (got, wanted) in got.iter().zip(&wanted) {
            assert!((got[0] - wanted.x).abs() < 0.6e-3 && (got[1] - wanted.y).abs() < 0.6e-3, "{got:?} {wanted:?}");
        }
        let absolute = data(&path, FINE);
        assert!(3 * text.len() < 2 * absolute.len(), "{text}\n{absolute}");
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escape(r#"a<b>&"c""#), "a&lt;b&gt;&amp;&quot;c&quot;");
    }
}
