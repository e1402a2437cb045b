//! The messages between the page and the server, all on one WebSocket.
//!
//! # From the page
//! Text messages, each a JSON object: `id`, a whole number that grows, `do`, the name of a command, and the fields of that
//! command (`Command`). At most [`LONGEST`] bytes. A message that is none of these is answered by an `error`, and the session
//! goes on. Moves and shifts that follow each other replace each other where the session has not looked at them yet.
//!
//! # To the page
//! Text messages, each a JSON object whose `is` names it (`Answer`); and frames of numbers. A frame is, all little-endian: four
//! bytes with the length of a header, the header, which is a JSON object padded by spaces so that what follows begins at a multiple
//! of eight bytes, and the arrays that the header's `arrays` lists, in that order: `[name, type, length]` with the type `u8`, `u32`
//! or `f32`, each padded to a multiple of eight bytes. The header's `is` is one of
//!
//! - `samples`: `points` (x and y of all samples), `classes`, and `parts` (0 training, 1 test, 2 validation);
//! - `picture`: everything on the plane at one moment: `classes` and `certainty` on `nodes` by `nodes` nodes, x fastest, from the
//!   lowest y up; `lines` (x and y of the boundary's polylines) with `starts` (the index of every line's first point); `predicted`,
//!   the class of every sample by the network; if the plane is coloured by an eigenvector or a unit, `values` in `cells` by `cells`
//!   cells and `of_samples`; if the units of a layer are asked for, `units`, one small map of `unit_cells` by `unit_cells` bytes
//!   after the other (128 for 0, from minus to plus the largest magnitude of each). Samples of more than two features have no plane,
//!   and so none of what lies on it. Losses and accuracies are in the header. The page answers each by `shown`;
//! - `surface`: `values`, the loss on `side` by `side` points of the plane of two vectors;
//! - `drawing`: `bytes`, a file with the name `name`.
//!
//! `since` in an answer is the `id` of the last command that it takes into account.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most bytes of a message from the page.
pub const LONGEST: usize = 1 << 16;

/// A command of the page.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Command {
    /// Begins anew with other settings.
    Setup { setup: Setup },
    /// Begins anew with the experiment that the program was started with.
    Open {},
    /// Begins anew with the same settings.
    Restart {},
    /// Begins anew with the settings, or with the experiment that the program was started with, and goes through the changes to
    /// the epoch `epochs`, as a link asks that was made there.
    Restore { setup: Option<Setup>, changes: Vec<Change>, epochs: usize },
    /// Changes the learning rate and the weight decay, and nothing else.
    Tune { lr: f64, weight_decay: f64 },
    /// Trains until told otherwise.
    Play,
    /// Stops training.
    Pause,
    /// Trains one epoch.
    Step,
    /// Trains to the end of an epoch, as fast as it can.
    Until { epochs: usize },
    /// Sets the number of epochs between pictures.
    Speed { epochs: u32 },
    /// Says that a picture has been shown; while it trains, the session is never more than two pictures ahead.
    Shown { picture: u64 },
    /// Says whether the whole spectrum is wanted wherever training rests.
    Whole { on: bool },
    /// Chooses what colours the plane.
    View { view: View },
    /// Moves the weights that are shown away from those of the training: `along[i]` times the i-th eigenvector of those that are
    /// known, and `random` times a random direction of norm 1.
    Move { along: Vec<f64>, random: f64 },
    /// Takes the weights that are shown for those of the training.
    Keep,
    /// Says of which hidden layer all units are wanted as small maps, if of any.
    Units { layer: Option<usize> },
    /// Hands what is shown over to the drawing of another session, which asks for it by the number in the answer `handed`.
    Hand {},
    /// Asks for a drawing of what is shown, as a file.
    Draw { what: Drawing, form: Form },
    /// Asks for the loss on the plane of two directions; nothing any more without them.
    Surface { axes: Option<[Axis; 2]> },
    /// Says whether the pieces of the boundary, by the eigenvectors that carry them, are wanted wherever training rests.
    Pieces { on: bool },
    /// Puts a training sample on the plane.
    Add { x: f64, y: f64, class: usize },
    /// Moves a sample.
    Shift { sample: usize, x: f64, y: f64 },
    /// Takes a sample away.
    Delete { sample: usize },
    /// Gives a sample the next class.
    Flip { sample: usize },
}

impl Command {
    /// Whether an earlier command of the same kind need not be obeyed if this one follows it.
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Move { .. }, Self::Move { .. })
            | (Self::Tune { .. }, Self::Tune { .. })
            | (Self::View { .. }, Self::View { .. })
            | (Self::Surface { .. }, Self::Surface { .. })
            | (Self::Setup { .. }, Self::Setup { .. }) => true,
            (Self::Shift { sample, .. }, Self::Shift { sample: other, .. }) => sample == other,
            _ => false,
        }
    }

    /// Whether it leaves the experiment at hand for another beginning.
    pub(crate) fn begins_anew(&self) -> bool {
        matches!(self, Self::Setup { .. } | Self::Open {} | Self::Restart {} | Self::Restore { .. })
    }
}

/// A change from outside to a training, which a link goes through again.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// The number of finished epochs when it was made.
    pub(crate) epoch: usize,
    /// The change.
    pub(crate) edit: Edit,
}

/// A change of the samples or of the training, by hand.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Edit {
    /// A training sample is put on the plane.
    Add { x: f64, y: f64, class: usize },
    /// A sample is moved.
    Shift { sample: usize, x: f64, y: f64 },
    /// A sample is taken away.
    Delete { sample: usize },
    /// A sample is given the next class.
    Flip { sample: usize },
    /// Learning rate and weight decay are others.
    Tune { lr: f64, weight_decay: f64 },
    /// The weights are moved: by `along[i]` times the i-th eigenvector, in the orientation in which its entry of largest magnitude
    /// is positive, and by `random` times the random direction.
    Keep { along: [f64; MOST_KEPT], random: f64 },
}

/// The most eigenvectors along which weights can be moved for good.
pub(crate) const MOST_KEPT: usize = 12;

/// A drawing by the program, of what a part of the page shows.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Drawing {
    /// The plane with its samples.
    Plane,
    /// The eigenvalues.
    Spectrum,
    /// Curves against epochs, which the page has collected: groups of curves, each with a name and its points.
    Course { panels: Vec<Vec<(String, Vec<[f64; 2]>)>> },
    /// The loss plane.
    Surface,
    /// The pieces of the boundary by eigenvectors.
    Pieces,
    /// The small maps of all units of the layer that is chosen.
    Units,
    /// Plane and largest eigenvalues above and beside those that another session has handed over under the number `handed`; `names`
    /// say what differs between both.
    Compare { handed: u64, names: [String; 2] },
}

/// The format of a drawing.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    /// Text with outlines.
    Svg,
    /// An image.
    Png,
}

/// The quantity that colours the plane.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum View {
    /// The predicted classes.
    #[default]
    Classes,
    /// The alignment of each point's gradient with an eigenvector.
    Alignment { vector: usize },
    /// The input of the activation of one unit of a hidden layer.
    Unit { layer: usize, unit: usize },
}

/// A direction in the space of weights.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Axis {
    /// An eigenvector.
    Vector(usize),
    /// The random direction.
    Random,
}

/// The settings of an experiment that the page can change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// The name of a data set of the gallery.
    pub(crate) data: String,
    /// The standard deviation of the noise, for sets that have some.
    pub(crate) noise: f64,
    /// Whether labels are permuted.
    pub(crate) random_labels: bool,
    /// The fraction of the samples in the training part; the others are for testing.
    pub(crate) train_fraction: f64,
    /// The widths of the hidden layers.
    pub(crate) hidden: Vec<usize>,
    /// The activation, by the name that it has in experiment files.
    pub(crate) activation: String,
    /// The update rule: SGD, Adam or SAM.
    pub(crate) optimizer: String,
    /// Learning rate.
    pub(crate) lr: f64,
    /// Momentum factor of SGD and SAM.
    pub(crate) momentum: f64,
    /// Factor of the L2 penalty of SGD and SAM.
    pub(crate) weight_decay: f64,
    /// Samples in a batch; 0 for all.
    pub(crate) batch_size: usize,
    /// Seed of the fresh weights, the order of batches and the noise.
    pub(crate) seed: u32,
    /// The weights that training begins with.
    #[serde(default)]
    pub(crate) start: Beginning,
}

/// The weights that training begins with.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Beginning {
    /// Fresh random weights.
    #[default]
    Fresh,
    /// The weights of a network that has learnt random labels of the same samples: the adversarial start of the paper.
    Adversarial,
}

/// A message of the session in text. The fields of each are in the page's `state.js`.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The first message: version, colours, gallery, limits.
    Hello(Value),
    /// The experiment at hand, after every beginning.
    Ground(Value),
    /// Whether it trains.
    Playing(Value),
    /// Some extreme eigenpairs.
    Look(Value),
    /// A whole spectrum, certified.
    Spectrum(Value),
    /// The boundary by eigenvectors.
    Pieces(Value),
    /// The changes from outside since the beginning, which a link needs.
    Story(Value),
    /// A link has been gone through.
    Restored(Value),
    /// The number under which another session finds what was handed over.
    Handed(Value),
    /// Something could not be done.
    Error(Value),
}

impl Answer {
    /// The message's text.
    pub(crate) fn text(self) -> String {
        let (name, mut value) = match self {
            Self::Hello(value) => ("hello", value),
            Self::Ground(value) => ("ground", value),
            Self::Playing(value) => ("playing", value),
            Self::Look(value) => ("look", value),
            Self::Spectrum(value) => ("spectrum", value),
            Self::Pieces(value) => ("pieces", value),
            Self::Story(value) => ("story", value),
            Self::Restored(value) => ("restored", value),
            Self::Handed(value) => ("handed", value),
            Self::Error(value) => ("error", value),
        };
        if let Value::Object(fields) = &mut value {
            fields.insert("is".to_owned(), name.into());
        }
        value.to_string()
    }

    /// An error with its sentence, about the command `id` if it is one's.
    pub(crate) fn error(id: Option<u32>, message: impl std::fmt::Display) -> Self {
        Self::Error(serde_json::json!({ "id": id, "message": message.to_string() }))
    }
}

/// Reads a message of the page: its number and its command.
pub(crate) fn parse(text: &str) -> Result<(u32, Command), (Option<u32>, String)> {
    let malformed = |error: serde_json::Error| (None, format!("not a message of the explorer: {error}"));
    let mut value: Value = serde_json::from_str(text).map_err(malformed)?;
    let Value::Object(fields) = &mut value else {
        return Err((None, "not a message of the explorer: expected an object".to_owned()));
    };
    let id = fields.remove("id").and_then(|id| u32::try_from(id.as_u64()?).ok());
    let Some(id) = id else {
        return Err((None, "not a message of the explorer: `id` must be a whole number below 2^32".to_owned()));
    };
    let command = serde_json::from_value(value).map_err(|error| (Some(id), format!("not a command: {error}")))?;
    Ok((id, command))
}

/// The numbers of one array of a frame.
#[derive(Debug)]
pub(crate) enum Array {
    /// Bytes.
    U8(Vec<u8>),
    /// Whole numbers.
    U32(Vec<u32>),
    /// Numbers for drawing.
    F32(Vec<f32>),
}

/// A frame with the fields of `header`, an object, and named arrays.
pub(crate) fn frame(mut header: Value, arrays: Vec<(&str, Array)>) -> Vec<u8> {
    let list: Vec<Value> = arrays
        .iter()
        .map(|(name, array)| match array {
            Array::U8(values) => serde_json::json!([name, "u8", values.len()]),
            Array::U32(values) => serde_json::json!([name, "u32", values.len()]),
            Array::F32(values) => serde_json::json!([name, "f32", values.len()]),
        })
        .collect();
    if let Value::Object(fields) = &mut header {
        fields.insert("arrays".to_owned(), list.into());
    }
    let mut text = header.to_string().into_bytes();
    let pad = |bytes: &mut Vec<u8>, filler: u8, before: usize| {
        let wanted = (bytes.len() + before).next_multiple_of(8) - before;
        bytes.resize(wanted, filler);
    };
    pad(&mut text, b' ', 4);
    let mut out = (text.len() as u32).to_le_bytes().to_vec();
    out.extend(text);
    for (_, array) in arrays {
        match array {
            Array::U8(values) => out.extend(values),
            Array::U32(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Array::F32(values) => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
        }
        pad(&mut out, 0, 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_and_others_refused() {
        let read = |text: &str| parse(text).map(|(_, command)| command);
        assert_eq!(parse(r#"{"id":3,"do":"play"}"#), Ok((3, Command::Play)));
        let moved = Command::Move { along: vec![0.5, -1.0], random: 0.0 };
        assert_eq!(read(r#"{"id":1,"do":"move","along":[0.5,-1],"random":0}"#), Ok(moved));
        let unit = Command::View { view: View::Unit { layer: 1, unit: 2 } };
        assert_eq!(read(r#"{"id":1,"do":"view","view":{"by":"unit","layer":1,"unit":2}}"#), Ok(unit));
        let surface = Command::Surface { axes: Some([Axis::Vector(1), Axis::Random]) };
        assert_eq!(read(r#"{"id":1,"do":"surface","axes":[{"vector":1},"random"]}"#), Ok(surface));
        let change = r#"{"epoch":7,"edit":{"do":"flip","sample":3}}"#;
        let restore = format!(r#"{{"id":1,"do":"restore","setup":null,"changes":[{change}],"epochs":9}}"#);
        let changes = vec![Change { epoch: 7, edit: Edit::Flip { sample: 3 } }];
        assert_eq!(serde_json::to_string(&changes[0]).unwrap(), change);
        assert_eq!(read(&restore), Ok(Command::Restore { setup: None, changes, epochs: 9 }));
        for text in [
            "",
            "{",
            "[]",
            "null",
            r#"{"do":"play"}"#,
            r#"{"id":-1,"do":"play"}"#,
            r#"{"id":1,"do":"dance"}"#,
            r#"{"id":1,"do":"speed","epochs":-3}"#,
            r#"{"id":1,"do":"speed","epochs":1,"more":2}"#,
            r#"{"id":1,"do":"move","along":"x","random":0}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arrays_of_a_frame_begin_at_multiples_of_eight() {
        let header = serde_json::json!({ "is": "test" });
        let bytes = frame(header, vec![("a", Array::U8(vec![1, 2, 3])), ("b", Array::F32(vec![1.5]))]);
        let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
        let read: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
        assert_eq!(read["arrays"], serde_json::json!([["a", "u8", 3], ["b", "f32", 1]]));
        let start = 4 + length;
        assert!(start.is_multiple_of(8) && bytes.len() == start + 16);
        assert_eq!(bytes[start..start + 3], [1, 2, 3]);
        assert_eq!(bytes[start + 8..start + 12], 1.5f32.to_le_bytes());
    }
}
