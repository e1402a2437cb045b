//! Sections about results beside the paper's, as far as they stand in the store and among the figures: further pictures of its
//! experiments, the classic experiments, followed trainings and studies; and how those that are not there are made.

use super::super::{Beside, ReproduceRequest};
use super::gathered::Measures;
use crate::{LabError, along, classics, factorial};
use heigen_report::{Cell, Figure, Section, Table};

/// Sections about everything that was made beside the paper, and one about what was not.
///
/// # Errors
/// [`LabError::Store`] if the page of a study cannot be copied to the report.
pub(super) fn sections(request: &ReproduceRequest, all: &[Measures]) -> Result<Vec<Section>, LabError> {
    let ReproduceRequest { store, folder, report, .. } = request;
    let pictures: Vec<Option<Section>> =
        PICTURES.iter().enumerate().map(|(i, kind)| kind.section(i, request, all)).collect();
    let classics = classics::summary(store, folder, report);
    let followed = along::summary(store, folder, report);
    let studies = factorial::summaries(store, report)?;
    let stands = |beside: &Beside| match beside {
        Beside::Classics => classics.is_some(),
        Beside::Followed => followed.is_some(),
        Beside::Studies => !studies.is_empty(),
        _ => PICTURES.iter().zip(&pictures).any(|(kind, made)| kind.beside == *beside && made.is_some()),
    };
    let missing: Vec<Beside> = Beside::ALL.into_iter().filter(|beside| !stands(beside)).collect();
    let not_made = request.beside.and_then(|command| not_made(&missing, command));
    let made = pictures.into_iter().flatten().chain(classics).chain(followed).chain(studies);
    Ok(made.chain(not_made).collect())
}

/// The commands that make what is not there, and what they add to the page.
fn not_made(missing: &[Beside], command: fn(Beside) -> String) -> Option<Section> {
    let row = |&beside: &Beside| vec![Cell::text(format!("`{}`", command(beside))), Cell::text(adds(beside))];
    (!missing.is_empty()).then(|| Section {
        id: "not-made".to_owned(),
        title: "What was not made".to_owned(),
        text: vec![
            "Each of these commands makes a section of this page, which stands here when the page is written again."
                .to_owned(),
        ],
        tables: vec![Table {
            caption: "Commands, and the sections that they add".to_owned(),
            head: ["command", "adds"].map(str::to_owned).to_vec(),
            rows: missing.iter().map(row).collect(),
            note: None,
        }],
        ..Section::default()
    })
}

/// The content of a section that is not there.
fn adds(beside: Beside) -> &'static str {
    match beside {
        Beside::Classics => {
            "Eight published experiments on loss landscapes, done again in small: claims, verdicts, figures."
        }
        Beside::Followed => "The spectrum along a training: eigenvalues, subspaces, and the boundary as it forms.",
        Beside::Studies => "The paper's claims over hundreds of trainings, in about four minutes of two cores.",
        _ => PICTURES.iter().find(|kind| kind.beside == beside).map_or("", |kind| kind.what),
    }
}

/// A kind of pictures of single experiments.
struct Kind {
    beside: Beside,
    /// The parts of the files' names before the name of the experiment, and after it.
    file: [&'static str; 2],
    title: &'static str,
    /// A description of the pictures, with equation and source.
    what: &'static str,
}

const PICTURES: [Kind; 4] = [
    Kind {
        beside: Beside::Attribution,
        file: ["attribution", ""],
        title: "What eigenvectors carry",
        what: r"The boundary coloured by the eigenvectors that carry its pieces, by the alignments $A_i(x) = \langle v_i, \nabla_\theta \ell(x) \rangle / \|\nabla_\theta \ell(x)\|$ of its points (arXiv:2306.07104), and where it goes as the weights move along each, to $\theta + t v_i$.",
    },
    Kind {
        beside: Beside::RandomSurfaces,
        file: ["surface", "+filter-normalised-0"],
        title: "Loss surfaces in random directions",
        what: r"The loss $L(\theta + a d_1 + b d_2)$ over two random directions $d_1$ and $d_2$, each filter as long as the weights' (arXiv:1712.09913).",
    },
    Kind {
        beside: Beside::TrainingSurfaces,
        file: ["surface", "+trajectory"],
        title: "Loss surfaces around trainings",
        what: r"The loss $L(\theta + a d_1 + b d_2)$ over the first two principal components $d_1$ and $d_2$ of $\theta_t - \theta$ along the training, with its way (arXiv:1712.09913).",
    },
    Kind {
        beside: Beside::MiniBatches,
        file: ["minibatches", ""],
        title: "Sharpness over mini-batches",
        what: r"The largest eigenvalue $\lambda_1$ of the Hessian of the mean loss $|B|^{-1} \sum_{x \in B} \ell(x)$ of single mini-batches $B$, against that of all samples ($H v_1 = \lambda_1 v_1$, arXiv:2306.07104).",
    },
];

impl Kind {
    /// The pictures of the paper's experiments that stand in the folder of the figures.
    fn section(&self, number: usize, request: &ReproduceRequest, all: &[Measures]) -> Option<Section> {
        let [before, after] = self.file;
        let picture = |(place, m): (usize, &Measures)| {
            let file = format!("{before}_{}{after}.svg", m.name.replace('/', "-"));
            Some(Figure {
                id: format!("further-{number}-{place}"),
                title: format!("`{}`", m.name),
                svg: heigen_store::files::read_to_string(&request.folder.join(file)).ok()?,
                alt: format!("{}: {}", self.title, m.name),
                caption: String::new(),
                command: None,
                live: vec![],
            })
        };
        let figures: Vec<Figure> = all.iter().enumerate().filter_map(picture).collect();
        (!figures.is_empty()).then(|| Section {
            id: format!("further-{number}"),
            title: self.title.to_owned(),
            text: vec![self.what.to_owned()],
            figures,
            ..Section::default()
        })
    }
}
