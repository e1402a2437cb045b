//! A training that is followed is looked at after the steps that were asked for, inside of epochs and at their ends.

use crate::common::{Folder, lab, small};
use heigen::model::fresh;
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Plan, Training};
use heigen_lab::{Every, FollowRequest, FollowedWeights, LookOptions, Making, scheduled_epochs};
use heigen_store::npy;

#[test]
fn looks_are_taken_at_the_weights_after_so_many_steps_or_epochs() {
    let (folder, lab) = (Folder::new(), lab());
    let experiment = folder.experiment("plain", &small(4));
    let setting = &experiment.experiment;
    let prepared = lab.prepared(setting, &()).unwrap();
    // The weights after every step, by a training of one's own.
    let parts = Parts::new(&prepared.samples.data, &prepared.samples.split);
    let theta = fresh(&setting.model, &prepared.network, &mut TorchGenerator::new(setting.seed));
    let mut after = vec![theta.clone()];
    let plan = Plan::of(setting);
    let batch = plan.trainer.batch_size;
    let mut run = Training::new(
        &prepared.network,
        &parts,
        theta,
        plan.loss,
        plan.optimizer,
        plan.scheduler,
        batch,
        plan.shuffle_seed,
    )
    .unwrap();
    let per_epoch = run.steps_per_epoch();
    assert_eq!(per_epoch, 3, "150 samples in batches of 64");
    for _ in 0..4 {
        run.run_epoch_seen(|run, _| -> Result<(), heigen::train::TrainError> {
            after.push(run.theta().to_vec());
            Ok(())
        })
        .unwrap();
    }
    for (every, unit, wanted) in [
        (Every::Steps(1), 1, (0..=12).collect::<Vec<usize>>()),
        (Every::Steps(5), 1, vec![0, 5, 10, 12]),
        (Every::Epochs(1), per_epoch, vec![0, 1, 2, 3, 4]),
        (Every::Epochs(3), per_epoch, vec![0, 3, 4]),
    ] {
        let request = FollowRequest {
            store: folder.store(&format!("{every:?}")),
            experiment: experiment.clone(),
            weights: FollowedWeights::Training,
            every: Some(every),
            look: LookOptions { k: 2, lowest: 1, trace_products: 0, ..LookOptions::default() },
            whole: Some(0),
            figures: None,
            report: None,
            live: None,
            making: Making::default(),
        };
        let followed = lab.follow(&request, &()).unwrap();
        let places: Vec<usize> = followed.record.moments.iter().map(|moment| moment.epoch).collect();
        assert_eq!(places, wanted, "{every:?}");
        for (place, at) in places.into_iter().enumerate() {
            let theta = npy::read::<f64>(&followed.files.theta(place)).unwrap().values;
            let same = theta.iter().copied().eq(after[at * unit].iter().map(|&w| f64::from(w)));
            assert!(same, "{every:?}: the look at {at} is at other weights");
        }
    }
    assert_eq!(scheduled_epochs(12, Some(5)), [0, 5, 10, 12]);
}
