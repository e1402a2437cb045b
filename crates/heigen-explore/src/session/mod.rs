//! The thread of one client: it obeys commands, trains, and sends pictures.

mod draw;
mod obey;
mod shelf;
mod shown;
mod story;

use crate::deep::{Basis, Deep, Job, Pieces, Surface, Whole};
use crate::ground::{Ground, NoGround};
use crate::mailbox::{Item, Mailbox};
use crate::opening::Explorer;
use crate::picture::Fineness;
use crate::protocol::{Answer, Array, Axis, Setup, View, frame};
use heigen::curvature::{Progress, Threads, Watch};
use heigen::train::{Checkpoint, TrainError, Training};
use serde_json::{Value, json};
pub(crate) use shelf::Shelf;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time between pictures while it trains; the trajectory does not depend on it.
const BETWEEN: Duration = Duration::from_millis(25);
/// Pictures that may be under way to the page while it trains.
const AHEAD: u64 = 2;
/// How long nothing has to move before the picture at rest is drawn.
const SETTLING: Duration = Duration::from_millis(60);

/// A message on its way to the page.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Text.
    Text(String),
    /// A frame of numbers.
    Frame(Vec<u8>),
}

/// The client is gone.
struct Gone;

/// How a stretch of training ended that one optimizer's state went through.
enum Next {
    /// The client is gone.
    Leave,
    /// It goes on from this state, on the session's ground, which may be another.
    From(Checkpoint),
    /// It goes on from this state at the same weights on the same samples, by a rule with other numbers.
    Tuned(Checkpoint),
}

/// The last results of longer computations, for drawings.
#[derive(Debug, Default)]
struct Results {
    look: Option<Value>,
    whole: Option<(u64, Whole)>,
    surface: Option<Surface>,
    pieces: Option<Pieces>,
}

/// Stops what prepares a beginning once another is asked for.
struct Overtaken<'a>(&'a Mailbox);

impl Watch for Overtaken<'_> {
    fn progress(&mut self, _: Progress) -> ControlFlow<()> {
        if self.0.is_overtaken() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// One client's session.
struct Session<'a> {
    explorer: &'a Explorer,
    shelf: &'a Shelf,
    mailbox: &'a Mailbox,
    send: &'a dyn Fn(Outgoing) -> bool,
    threads: Threads,
    deep: Deep,
    ground: Arc<Ground>,
    playing: bool,
    epochs: u32,
    whole: bool,
    pieces: bool,
    view: View,
    /// The layer of which small maps of all units are wanted.
    units: Option<usize>,
    surface: Option<[Axis; 2]>,
    along: Vec<f64>,
    random: f64,
    basis: Option<Arc<Basis>>,
    /// The first weights whose eigenvectors are of use: others belong to another beginning, and the signs of those that are found from
    /// them would follow from chance.
    from: u64,
    results: Results,
    story: story::Story,
    replay: Option<story::Replay>,
    stale: Stale,
    /// The number of the training's weights: it grows whenever they, the samples or the objective change.
    version: u64,
    /// The last command that was obeyed.
    since: u32,
    pictures: u64,
}

/// Obeys the commands in `mailbox` until the client is gone; `send` returns whether the client is still there.
///
/// # Errors
/// An error of the system if a thread cannot be started.
pub(crate) fn run(
    explorer: &Explorer,
    shelf: &Shelf,
    mailbox: &Arc<Mailbox>,
    threads: [Threads; 2],
    send: &dyn Fn(Outgoing) -> bool,
) -> std::io::Result<()> {
    let [own, deep] = threads;
    let ground = match first_ground(explorer, &own, &mut ()) {
        Ok(ground) => ground,
        Err(NoGround::Refused(reason)) => return Err(std::io::Error::other(reason)),
        Err(NoGround::Stopped) => return Ok(()),
    };
    let mut checkpoint = ground.beginning();
    let mut session = Session {
        explorer,
        shelf,
        mailbox,
        send,
        threads: own,
        deep: Deep::start(Arc::clone(mailbox), deep)?,
        ground: Arc::new(ground),
        playing: false,
        epochs: 1,
        whole: false,
        pieces: false,
        view: View::default(),
        units: None,
        surface: None,
        along: vec![],
        random: 0.0,
        basis: None,
        from: 0,
        results: Results::default(),
        story: story::Story::default(),
        replay: None,
        stale: Stale::all(),
        version: 0,
        since: 0,
        pictures: 0,
    };
    if session.tell_ground().is_err() {
        return Ok(());
    }
    loop {
        let ground = Arc::clone(&session.ground);
        match session.stretch(&ground, &checkpoint) {
            Ok(Next::From(next)) => {
                checkpoint = next;
                session.deep.clear();
                session.version += 1;
                session.stale = Stale::all();
            }
            Ok(Next::Tuned(next)) => checkpoint = next,
            Ok(Next::Leave) | Err(Gone) => return Ok(()),
        }
    }
}

/// The ground that a page begins with: the experiment that the program was started with, or the page's own.
fn first_ground(explorer: &Explorer, threads: &Threads, watch: &mut dyn Watch) -> Result<Ground, NoGround> {
    match &explorer.opened {
        Some(opened) => Ok(Ground::of_opened(opened)),
        None => Ground::of_setup(Setup::default(), threads, watch),
    }
}

impl Session<'_> {
    fn say(&self, answer: Answer) -> Result<(), Gone> {
        self.post(Outgoing::Text(answer.text()))
    }

    fn post(&self, message: Outgoing) -> Result<(), Gone> {
        if (self.send)(message) { Ok(()) } else { Err(Gone) }
    }

    /// Tells the page about the ground: the experiment and its samples.
    fn tell_ground(&self) -> Result<(), Gone> {
        self.say(Answer::Ground(self.ground.told(self.since)))?;
        self.tell_story()?;
        self.tell_samples()
    }

    fn tell_samples(&self) -> Result<(), Gone> {
        let Ground { data, split, .. } = &*self.ground;
        let mut parts = vec![0; data.n_samples()];
        split.test.iter().for_each(|&n| parts[n] = 1);
        split.validation.iter().for_each(|&n| parts[n] = 2);
        split.train.iter().for_each(|&n| parts[n] = 0);
        let header = json!({ "is": "samples", "since": self.since, "n_classes": data.n_classes });
        let classes = data.labels.iter().map(|&label| label as u8).collect();
        let arrays = vec![
            ("points", Array::F32(self.ground.places())),
            ("classes", Array::U8(classes)),
            ("parts", Array::U8(parts)),
        ];
        self.post(Outgoing::Frame(frame(header, arrays)))
    }

    fn tell_playing(&self, training: &Training) -> Result<(), Gone> {
        let value = json!({
            "since": self.since, "playing": self.playing, "epochs": self.epochs, "epoch": training.epochs_done(),
        });
        self.say(Answer::Playing(value))
    }

    /// Trains and obeys from `checkpoint` on, until something asks for another optimizer, other samples or other weights.
    fn stretch(&mut self, ground: &Ground, checkpoint: &Checkpoint) -> Result<Next, Gone> {
        let experiment = &ground.experiment;
        let made = Training::new(
            &ground.network,
            &ground.parts,
            checkpoint.theta.clone(),
            experiment.objective(),
            experiment.optimizer,
            experiment.scheduler.clone(),
            experiment.trainer.batch_size,
            experiment.seed,
        );
        let mut training = match made {
            Ok(training) => training.on(self.threads.clone()),
            // The rules for changes of samples keep a training sample, so nothing of this kind is left to happen.
            Err(error) => {
                self.say(Answer::error(None, error))?;
                return Ok(Next::Leave);
            }
        };
        if !training.resume(checkpoint) {
            // The state of another rule: it begins anew at these weights.
            let fresh = Checkpoint { buffers: vec![], updates: 0, ..checkpoint.clone() };
            if !training.resume(&fresh) {
                let zeros = training.checkpoint(&[]);
                training.resume(&Checkpoint { epochs_done: checkpoint.epochs_done, ..zeros });
            }
        }
        loop {
            let busy = self.playing || self.replay.is_some() || self.stale.any();
            let mut patience = busy.then_some(Duration::ZERO);
            while let Some(item) = self.mailbox.next(patience) {
                patience = Some(Duration::ZERO);
                match item {
                    Item::Found(found) => self.found(*found)?,
                    Item::Command(id, command) => {
                        self.since = id;
                        if let Some(next) = self.obey(id, command, &mut training)? {
                            return Ok(next);
                        }
                    }
                }
            }
            if self.mailbox.gone() {
                return Ok(Next::Leave);
            }
            if self.replay.is_some() || self.playing {
                let next =
                    if self.replay.is_some() { self.go_through(&mut training) } else { self.play(&mut training) }?;
                if let Some(next) = next {
                    return Ok(next);
                }
                self.stale = Stale::all();
                continue;
            }
            self.rest(&training)?;
        }
    }

    /// Forgets the eigenvectors of all weights before these: what comes is as if nothing had been before.
    fn forget_vectors(&mut self, from: u64) {
        (self.basis, self.from) = (None, from);
    }

    /// Trains some epochs and sends a picture.
    fn play(&mut self, training: &mut Training) -> Result<Option<Next>, Gone> {
        let begun = Instant::now();
        if self.pictures > self.mailbox.shown() + AHEAD {
            // The page is busy with earlier pictures; nothing is trained that it could not show.
            self.mailbox.shown_within(self.pictures - AHEAD, BETWEEN);
            return Ok(None);
        }
        for _ in 0..self.epochs {
            if let Some(next) = self.epoch(training)? {
                return Ok(Some(next));
            }
            if begun.elapsed() > 2 * BETWEEN || self.mailbox.calls() {
                break;
            }
        }
        self.send_picture(training, Fineness::Quick)?;
        if self.deep.idle() {
            self.deep.ask(Job::Look(self.point(training)));
        }
        if let Some(left) = BETWEEN.checked_sub(begun.elapsed()) {
            self.mailbox.calls_within(left);
        }
        Ok(None)
    }

    /// One epoch; where it diverges, training rests at the weights before it.
    fn epoch(&mut self, training: &mut Training) -> Result<Option<Next>, Gone> {
        let before = training.checkpoint(&[]);
        let Err(error) = training.run_epoch() else {
            self.version += 1;
            return Ok(None);
        };
        let why = match error {
            TrainError::Diverged { epoch, lr, loss } => {
                format!("training diverged in epoch {epoch} at learning rate {lr}: the loss of a batch is {loss}")
            }
            TrainError::DivergedWeights { epoch, lr, .. } => {
                format!(
                    "training diverged in epoch {epoch} at learning rate {lr}: weights are no finite numbers any more"
                )
            }
            other => other.to_string(),
        };
        self.playing = false;
        self.say(Answer::error(None, format!("{why}; the weights are those before this epoch")))?;
        self.tell_playing(training)?;
        Ok(Some(Next::From(before)))
    }

    /// Sends what is stale at rest, the quickest first; ends as soon as something comes.
    fn rest(&mut self, training: &Training) -> Result<(), Gone> {
        if std::mem::take(&mut self.stale.jobs) {
            self.ask_all(training);
        }
        if std::mem::take(&mut self.stale.of_basis) {
            if self.moved() {
                self.deep.ask(Job::Look(self.point(training)));
            }
            self.ask_of_basis(training);
        }
        if std::mem::take(&mut self.stale.quick) {
            return self.send_picture(training, Fineness::Quick);
        }
        if self.stale.fine {
            // A moment of rest shows that nothing moves any more.
            self.mailbox.calls_within(SETTLING);
            if !self.mailbox.calls() {
                self.stale.fine = false;
                return self.send_picture(training, Fineness::Fine);
            }
        }
        Ok(())
    }
}

/// The parts of the page that no longer hold.
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that may be stale")]
struct Stale {
    /// The picture while something moves.
    quick: bool,
    /// The picture at rest.
    fine: bool,
    /// The results of the other thread.
    jobs: bool,
    /// Those of them that are computed from eigenvectors.
    of_basis: bool,
}

impl Stale {
    fn all() -> Self {
        Self { quick: true, fine: true, jobs: true, of_basis: false }
    }

    fn any(&self) -> bool {
        self.quick || self.fine || self.jobs || self.of_basis
    }
}
