//! Figures: an image that holds its drawing, its caption, and a large view that needs no script.

use crate::inline::{breakable, escape, html, plain};
use crate::report::Figure;
use crate::svg::{self, Size};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The figure as `<figure>`. The drawing becomes an image with a `data:` address, so that ids inside of it are its own and
/// nothing in it runs or loads. The frame around it is the target of a link; as a target it covers the window.
pub(crate) fn figure(figure: &Figure) -> String {
    let Figure { id, title, svg, alt, caption, command, live } = figure;
    let alt = plain(if alt.trim().is_empty() { title } else { alt });
    let data = STANDARD.encode(svg);
    let (image_size, frame_size) = svg::size(svg).map(|size| sizes(size, svg::least_width(svg))).unwrap_or_default();
    let caption = if caption.is_empty() { String::new() } else { format!(" {}", html(caption)) };
    let command = command
        .as_ref()
        .map_or_else(String::new, |command| format!("<span>Draw it again: <code>{}</code></span>", breakable(command)));
    let live = if live.is_empty() {
        String::new()
    } else {
        let commands: Vec<String> = live.iter().map(|command| format!("<code>{}</code>", breakable(command))).collect();
        format!("<p class=\"command\">See it move, on a live page: {}</p>\n", commands.join(", "))
    };
    format!(
        "<figure id=\"{id}\">\n\
         <div class=\"place\"{frame_size}><div class=\"frame\" id=\"{id}-large\">\n\
         <a class=\"close\" href=\"#{id}\">Close</a>\n\
         <a class=\"enlarge\" href=\"#{id}-large\" title=\"Show large\">\
         <img src=\"data:image/svg+xml;base64,{data}\" alt=\"{alt}\"{image_size}></a>\n\
         </div></div>\n\
         <figcaption>\n\
         <p><b>{title}</b>{caption}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to {plain_title}\">#</a></p>\n\
         <p class=\"command\"><a class=\"larger\" href=\"#{id}-large\">Show large</a>{command}</p>\n{live}\
         </figcaption>\n\
         </figure>\n",
        alt = escape(&alt),
        title = html(title),
        plain_title = escape(&plain(title)),
    )
}

/// Attributes of the image (the browser keeps its place free) and of the frame (how wide the drawing is, and how narrow it
/// may become).
fn sizes(Size { width, height }: Size, least: Option<f64>) -> (String, String) {
    let least = least.map_or_else(String::new, |least| format!(";--least:{:.0}px", least.ceil()));
    (
        format!(" width=\"{width:.0}\" height=\"{height:.0}\""),
        format!(" style=\"--width:{width:.0}px;--ratio:{:.4}{least}\"", width / height),
    )
}
