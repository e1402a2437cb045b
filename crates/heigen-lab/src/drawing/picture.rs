//! A figure as files: how it is recognised, drawn and written.

use super::catalogue::DrawSpectra;
use super::draw::Shown;
use super::labels::stem;
use super::{Drawing, Figure};
use crate::LabError;
use crate::call::Call;
use crate::making::{Fresh, Recipe};
use crate::watch::{Product, stage};
use heigen_figures::Scene;
use heigen_store::atomic;
use heigen_store::catalogue::Loaded;
use heigen_store::figure_record::FigureRecord;
use heigen_store::record::{Unusable, stamp};
use std::path::{Path, PathBuf};

/// The extensions of a figure's files; messages name the first file.
const EXTENSIONS: [&str; 3] = ["svg", "pdf", "png"];

/// The path of a file of the figure.
pub(super) fn path(
    figure: &Figure,
    experiments: &[Loaded],
    drawing: &Drawing,
    folder: &Path,
    extension: &str,
) -> PathBuf {
    folder.join(format!("{}{}.{extension}", stem(figure, experiments), drawing.variant()))
}

/// One of the things that a figure shows.
pub(super) struct Origin {
    pub(super) experiment: Loaded,
    /// The stamp of the analysis that it is drawn from.
    pub(super) stamp: String,
    pub(super) label: String,
    pub(super) name: String,
}

/// A figure as it would be drawn now; a stored one is compared with it.
pub(super) struct Picture<'a> {
    call: &'a Call<'a>,
    figure: &'a Figure,
    scene: Box<dyn Fn() -> Result<Scene, LabError> + 'a>,
    /// The paths of the figure's files, and of its record at the end.
    paths: Vec<PathBuf>,
    record_path: PathBuf,
    record: FigureRecord,
    /// Whether the scene needs sums over samples, which several processes share.
    shared: bool,
}

/// How drawings look. It changes whenever they look different, so that those of an earlier program are drawn anew.
const LOOK: &str = "legends";

impl<'a> Picture<'a> {
    /// The figure of analysed experiments.
    pub(super) fn of_spectra(
        call: &'a Call<'a>,
        (figure, scene): (&'a Figure, DrawSpectra),
        shown: &'a [Shown],
        drawing: &'a Drawing,
        folder: &Path,
    ) -> Result<Self, LabError> {
        let origin = |s: &Shown| Origin {
            experiment: s.loaded.clone(),
            stamp: s.analysed.record.stamp.clone(),
            label: s.label.clone(),
            name: s.loaded.experiment.name.to_string(),
        };
        let of: Vec<Origin> = shown.iter().map(origin).collect();
        Self::new(call, figure, &of, drawing, folder, move || scene(call, shown, drawing))
    }

    pub(super) fn new(
        call: &'a Call<'a>,
        figure: &'a Figure,
        of: &[Origin],
        drawing: &Drawing,
        folder: &Path,
        scene: impl Fn() -> Result<Scene, LabError> + 'a,
    ) -> Result<Self, LabError> {
        let experiments: Vec<Loaded> = of.iter().map(|o| o.experiment.clone()).collect();
        let path = |extension: &str| path(figure, &experiments, drawing, folder, extension);
        let how = serde_json::to_string(drawing)?;
        // All values that determine the picture, for its stamp.
        let mut parts = vec![heigen::VERSION, LOOK, figure.name, &how];
        for o in of {
            parts.extend([&*o.stamp, &o.label]);
        }
        let record = FigureRecord::new(figure.name, stamp(parts), of.iter().map(|o| o.name.clone()));
        let (paths, record_path) = (EXTENSIONS.map(path).into(), path("json"));
        Ok(Self { call, figure, scene: Box::new(scene), paths, record_path, record, shared: false })
    }

    /// The figure, whose scene several processes compute together if it is `shared`.
    pub(super) fn shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }
}

impl Recipe for Picture<'_> {
    type Record = ();
    type Made = Vec<PathBuf>;

    fn job(&self) -> String {
        format!("figure {}", self.figure.name)
    }

    fn product(&self) -> Product {
        Product::Figure
    }

    fn path(&self) -> PathBuf {
        self.paths[0].clone()
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<(), Unusable> {
        let record = FigureRecord::load(&self.record_path)?;
        if record.matches(&self.record, &self.paths) {
            return Ok(());
        }
        Err(Unusable::Stale("it was drawn from something else, or its files have changed".to_owned()))
    }

    fn reuse(&self, (): ()) -> Result<Vec<PathBuf>, LabError> {
        Ok(self.paths.clone())
    }

    fn by_leader(&self) -> bool {
        !self.shared
    }

    fn make(&self) -> Result<Fresh<Vec<PathBuf>>, LabError> {
        let mut watch = self.call.job(&self.job());
        watch.begin(stage::DRAWING)?;
        let scene = (self.scene)()?;
        watch.begin(stage::DRAWING)?;
        let rendered = heigen_figures::render(&scene)?;
        watch.begin(stage::DRAWING)?;
        let pieces = [rendered.svg.as_bytes(), &rendered.pdf, &rendered.png];
        let stage = |(path, bytes): (&PathBuf, &&[u8])| atomic::stage_with(path, |file| file.write_all(bytes));
        let mut staged = self.paths.iter().zip(&pieces).map(stage).collect::<Result<Vec<_>, _>>()?;
        staged.push(self.record.clone().of_files(&staged, &self.paths).stage(&self.record_path)?);
        Ok(Fresh { made: self.paths.clone(), staged, note: None })
    }

    fn earlier(&self) -> Vec<PathBuf> {
        vec![self.record_path.clone()]
    }
}
