//! Films: drawings one after another, of which a row of radio buttons chooses the one that is seen. No script is needed.

use crate::inline::{escape, html, plain};
use crate::report::Film;
use crate::svg;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The film as `<figure>`. Each drawing follows its button and label, so that the style can show the one whose button is
/// chosen; arrow keys go from one to the next.
pub(crate) fn film(film: &Film) -> String {
    let Film { id, title, frames, caption } = film;
    let size = frames.first().and_then(|frame| svg::size(&frame.svg));
    let size = size.map_or_else(String::new, |s| format!(" width=\"{:.0}\" height=\"{:.0}\"", s.width, s.height));
    let pictures: String = frames
        .iter()
        .enumerate()
        .map(|(i, frame)| {
            let (data, checked) = (STANDARD.encode(&frame.svg), if i == 0 { " checked" } else { "" });
            let alt = escape(&format!("{}, {}", plain(title), plain(&frame.name)));
            format!(
                "<input type=\"radio\" name=\"{id}\" id=\"{id}-{i}\"{checked}><label for=\"{id}-{i}\">{}</label>\
                 <img src=\"data:image/svg+xml;base64,{data}\" alt=\"{alt}\"{size}>\n",
                html(&frame.name)
            )
        })
        .collect();
    let caption = if caption.is_empty() { String::new() } else { format!(" {}", html(caption)) };
    format!(
        "<figure id=\"{id}\" class=\"film\">\n<fieldset>\n<legend>{name}</legend>\n{pictures}</fieldset>\n\
         <figcaption>\n<p><b>{name}</b>{caption}<a class=\"anchor\" href=\"#{id}\" aria-label=\"Link to {plain}\">#</a></p>\n\
         </figcaption>\n</figure>\n",
        name = html(title),
        plain = escape(&plain(title)),
    )
}
