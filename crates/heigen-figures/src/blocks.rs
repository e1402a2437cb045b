//! Consecutive runs of rows or columns, such as the samples of one class, with lines between them and their names beside.

use crate::axes::{Axis, Side};
use crate::color::Rgb;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Path, Point, Rect};
use crate::label::{Label, elided};
use crate::scene::{Align, Element, Stroke, Style};

/// A run of consecutive rows or columns that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its name, set as it stands, e.g. a class or `fc1.weight`.
    pub name: String,
    /// How many rows or columns it has; 1 or more.
    pub len: usize,
}

pub(crate) fn check(what: &str, blocks: &[Block], total: usize, because: &'static str) -> Result<(), FigureError> {
    if blocks.is_empty() {
        return Err(FigureError::Empty { what: what.to_owned(), wanted: "block" });
    }
    if let Some(block) = blocks.iter().find(|b| b.len == 0) {
        let what = format!("the length of block `{}` of {what}", block.name);
        return Err(FigureError::value(what, 0, "1 or more"));
    }
    let sum = blocks.iter().try_fold(0usize, |sum, b| sum.checked_add(b.len));
    if sum == Some(total) {
        return Ok(());
    }
    let what = format!("{what}, all blocks together,");
    Err(FigureError::Length { what, got: sum.unwrap_or(usize::MAX), wanted: total, because })
}

/// Start and end of each block, as fractions of the whole.
fn spans(blocks: &[Block]) -> Vec<[f64; 2]> {
    let total: usize = blocks.iter().map(|b| b.len).sum();
    let mut start = 0;
    let span = |b: &Block| {
        let from = start;
        start += b.len;
        [from, start].map(|n| n as f64 / total as f64)
    };
    blocks.iter().map(span).collect()
}

/// Lines between the blocks, upright ones where `upright`, else level ones; the first block is at the left or above.
pub(crate) fn separators(rect: Rect, blocks: &[Block], upright: bool, stroke: Stroke) -> Element {
    let line = |[_, end]: &[f64; 2]| {
        let (x, y) = (rect.x + end * rect.width, rect.y + end * rect.height);
        Path::polyline(&if upright {
            [Point::new(x, rect.y), Point::new(x, rect.bottom())]
        } else {
            [Point::new(rect.x, y), Point::new(rect.right(), y)]
        })
    };
    let spans = spans(blocks);
    let inner = spans.split_last().map_or(&[][..], |(_, inner)| inner);
    Element::Shapes { paths: inner.iter().map(line).collect(), style: Style::stroked(stroke) }
}

/// Names are not made smaller than this: those of the shortest blocks are left out instead.
const SMALLEST: f64 = 7.0;
const LEAD: f64 = 7.0;
const NAME_GAP: f64 = 2.0;
/// Names longer than this lose their middle.
const LONGEST: f64 = 84.0;
/// Distance of neighbouring baselines, in font sizes.
const LINE: f64 = 1.12;

/// The names of the blocks at the left of or below `rect`, each beside the middle of its block and led to it by a line
/// where it had to move to stay clear of its neighbours. Where there are too many to be read, the longest blocks are named.
pub(crate) fn names(rect: Rect, side: Side, blocks: &[Block], size: f64) -> Result<Axis, FigureError> {
    let level = matches!(side, Side::Bottom | Side::Top);
    let length = if level { rect.width } else { rect.height };
    let middles: Vec<f64> = spans(blocks).iter().map(|[a, b]| length * f64::midpoint(*a, *b)).collect();
    let set = |size: f64| {
        let one = |b: &Block| elided(&b.name, Face::Upright, size, size.min(SMALLEST + 1.0), LONGEST);
        blocks.iter().map(one).collect::<Result<Vec<Label>, FigureError>>()
    };
    let labels = set(size)?;
    let fits = |(label, [a, b]): (&Label, [f64; 2])| label.width() + 3.0 < length * (b - a);
    let mut elements = Vec::new();
    if level && labels.iter().zip(spans(blocks)).all(fits) {
        let top = rect.bottom() + NAME_GAP + 1.0;
        for (label, middle) in labels.into_iter().zip(middles) {
            let at = Point::new(rect.x + middle, top + 0.75 * size);
            elements.push(Element::text(label, at, Align::Middle));
        }
        return Ok(Axis { elements, depth: NAME_GAP + 1.0 + 1.05 * size });
    }
    // All names one line apart, at the most as large as the side has room for.
    let size = size.min(length / (LINE * blocks.len() as f64)).max(SMALLEST);
    let named = longest(blocks, (length / (LINE * size) + 1e-9) as usize);
    let chosen = |i: &usize| named.contains(i);
    let labels: Vec<Label> = set(size)?.into_iter().enumerate().filter(|(i, _)| chosen(i)).map(|(_, l)| l).collect();
    let middles: Vec<f64> = middles.into_iter().enumerate().filter(|(i, _)| chosen(i)).map(|(_, m)| m).collect();
    let places = spread(&middles, LINE * size, length);
    // Names that all stand where they belong need no lines.
    let moved = middles.iter().zip(&places).any(|(a, b)| (a - b).abs() > 0.5);
    let away = NAME_GAP + if moved { LEAD } else { 1.0 };
    let depth = away + labels.iter().map(Label::width).fold(0.0, f64::max);
    let mut leads = Vec::new();
    for ((label, middle), place) in labels.into_iter().zip(middles).zip(places) {
        if level {
            let (x, to) = (rect.x + middle, rect.x + place);
            leads.push(lead([x, to], rect.bottom(), Point::new, 1.0));
            let at = Point::new(to + 0.3 * size, rect.bottom() + away);
            elements.push(Element::text_upwards(label, at, Align::End));
        } else {
            let (y, to) = (rect.y + middle, rect.y + place);
            leads.push(lead([y, to], rect.x, |y, x| Point::new(x, y), -1.0));
            let at = Point::new(rect.x - away, to + 0.3 * size);
            elements.push(Element::text(label, at, Align::End));
        }
    }
    if !moved {
        return Ok(Axis { elements, depth });
    }
    elements.insert(0, Element::Shapes { paths: leads, style: Style::stroked(Stroke::solid(Rgb::BLACK, 0.5)) });
    Ok(Axis { elements, depth })
}

/// The places of the longest blocks, at most so many.
fn longest(blocks: &[Block], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..blocks.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(blocks[i].len));
    order.truncate(most);
    order
}

const BRACKET: f64 = 3.0;

/// The names of blocks of blocks, along the left or the lower side of `rect`, each beyond a line as long as its block.
pub(crate) fn brackets(rect: Rect, side: Side, blocks: &[Block], size: f64) -> Result<Axis, FigureError> {
    let level = matches!(side, Side::Bottom | Side::Top);
    let length = if level { rect.width } else { rect.height };
    let mut lines = Vec::new();
    let mut elements = Vec::new();
    for (block, [start, end]) in blocks.iter().zip(spans(blocks)) {
        let [from, to] = [length * start, length * end];
        let inset = 0.06 * (to - from).min(30.0);
        let label = elided(&block.name, Face::Upright, size, size.min(SMALLEST + 1.0), to - from - 2.0 * inset)?;
        let middle = f64::midpoint(from, to);
        if level {
            let y = rect.bottom() + BRACKET;
            lines.push([rect.x + from + inset, rect.x + to - inset].map(|x| Point::new(x, y)));
            let at = Point::new(rect.x + middle, y + BRACKET + 0.75 * size);
            elements.push(Element::text(label, at, Align::Middle));
        } else {
            let x = rect.x - BRACKET;
            lines.push([rect.y + from + inset, rect.y + to - inset].map(|y| Point::new(x, y)));
            let at = Point::new(x - BRACKET - 0.25 * size, rect.y + middle);
            elements.push(Element::text_upwards(label, at, Align::Middle));
        }
    }
    let paths = lines.iter().map(|line| Path::polyline(line)).collect();
    elements.insert(0, Element::Shapes { paths, style: Style::stroked(Stroke::solid(Rgb::BLACK, 0.6)) });
    Ok(Axis { elements, depth: 2.0 * BRACKET + 1.05 * size })
}

/// A line from the side of the panel, at `from`, to a name at `to`.
fn lead([from, to]: [f64; 2], edge: f64, point: impl Fn(f64, f64) -> Point, sign: f64) -> Path {
    let at = |along: f64, away: f64| point(along, edge + sign * away);
    Path::polyline(&[at(from, 0.0), at(from, 2.0), at(to, LEAD - 1.0), at(to, LEAD)])
}

/// Places near `wanted` (ascending) and in 0..`length`, neighbours at least `apart` from each other where there is room.
fn spread(wanted: &[f64], apart: f64, length: f64) -> Vec<f64> {
    // Neighbours that are too close join into groups, whose members stand `apart` around the mean of what they want.
    let mut groups: Vec<(f64, usize)> = Vec::new();
    let clamped = |(sum, n): (f64, usize)| {
        let half = apart * n as f64 / 2.0;
        (sum / n as f64).min(length - half).max(half)
    };
    for &want in wanted {
        groups.push((want, 1));
        while let [.., a, b] = groups[..] {
            if clamped(b) - clamped(a) >= apart * (a.1 + b.1) as f64 / 2.0 - 1e-9 {
                break;
            }
            groups.truncate(groups.len() - 2);
            groups.push((a.0 + b.0, a.1 + b.1));
        }
    }
    let members = |group: (f64, usize)| {
        let first = clamped(group) - apart * (group.1 as f64 - 1.0) / 2.0;
        (0..group.1).map(move |i| first + apart * i as f64)
    };
    groups.into_iter().flat_map(members).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(lens: &[usize]) -> Vec<Block> {
        lens.iter().enumerate().map(|(i, &len)| Block { name: format!("layer{i}.weight"), len }).collect()
    }

    #[test]
    fn names_keep_their_distance_and_stay_at_the_side() {
        for wanted in [vec![5.0, 6.0, 7.0, 90.0], vec![99.0, 99.5, 100.0], vec![0.0, 0.1, 50.0], vec![50.0]] {
            let places = spread(&wanted, 10.0, 100.0);
            assert_eq!(places.len(), wanted.len());
            assert!(places.windows(2).all(|p| p[1] - p[0] >= 10.0 - 1e-6), "{places:?}");
            assert!(places.iter().all(|p| (4.9..=95.1).contains(p)), "{places:?}");
        }
    }

    #[test]
    fn of_too_many_blocks_the_longest_are_named() -> Result<(), FigureError> {
        let many: Vec<usize> = (0..200).map(|i| if i % 10 == 0 { 50 } else { 1 }).collect();
        let rect = Rect::new(0.0, 0.0, 160.0, 100.0);
        let drawn = names(rect, Side::Bottom, &blocks(&many), 9.0)?;
        let named: Vec<(String, f64)> = drawn
            .elements
            .iter()
            .filter_map(|e| if let Element::Text { label, .. } = e { Some((label.text(), label.size())) } else { None })
            .collect();
        assert_eq!(named.len(), 20);
        assert!(named.iter().all(|(text, size)| text.contains("0.") && *size >= SMALLEST), "{named:?}");
        Ok(())
    }

    #[test]
    fn sums_and_empty_blocks_are_checked() {
        assert!(check("x", &blocks(&[2, 3]), 5, "rows").is_ok());
        for (lens, total) in [(vec![], 0), (vec![2, 0], 2), (vec![2, 3], 6), (vec![usize::MAX, 2], 1)] {
            assert!(check("x", &blocks(&lens), total, "rows").is_err(), "{lens:?}");
        }
    }
}
