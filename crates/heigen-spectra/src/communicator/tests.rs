//! Sums and messages by pieces that are threads.

use super::*;
use crate::{Counted, InAnyOrder, ThreadPiece};

/// A number for each leaf, whose sum depends on the order.
fn leaf(i: usize) -> Vec<f64> {
    vec![(i as f64 * 0.7).sin() * 10f64.powi(i32::try_from(i % 7).unwrap()), 1.0]
}

fn of_node(node: &Range<usize>) -> Vec<f64> {
    if node.len() == 1 {
        return leaf(node.start);
    }
    let [mut sum, other] = Leaves::branches(node).map(|branch| of_node(&branch));
    sum.iter_mut().zip(other).for_each(|(a, b)| *a += b);
    sum
}

fn together<R: Send>(size: usize, work: impl Fn(&dyn Communicator) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let work = &work;
        let all: Vec<_> = ThreadPiece::all(size).into_iter().map(|piece| scope.spawn(move || work(&piece))).collect();
        all.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn any_number_of_pieces_adds_the_same_numbers_in_the_same_order() {
    let leaves = Leaves::of(5000);
    let wanted = of_node(&leaves.root());
    let in_order = leaves.root().map(leaf).fold(vec![0.0; 2], |s, x| vec![s[0] + x[0], s[1] + x[1]]);
    assert_ne!(wanted, in_order, "the order must matter for this test to see it");
    for pieces in [1, 2, 3, 5, 7, 16, 20] {
        let sums = together(pieces, |piece| {
            let nodes = leaves.nodes(&leaves.share(piece.rank(), piece.size()));
            let mut out = vec![0.0; 2];
            piece.sum(&leaves, nodes.iter().map(of_node).collect(), &mut out).unwrap();
            out
        });
        assert!(sums.iter().all(|sum| *sum == wanted), "{pieces} pieces");
    }
}

#[test]
fn parts_are_added_one_after_the_other_as_by_one_piece() {
    // Longer than a segment, so that pieces hand on parts of the sum.
    let len = SEGMENT + 7;
    let part = |i: usize| -> Vec<f32> {
        (0..len).map(|j| ((i * 31 + j) as f32 * 0.7).sin() * [1.0, 10.0, 1e2, 1e3, 1e4][i % 5]).collect()
    };
    let count = 5;
    let mut wanted = part(0);
    (1..count).for_each(|i| wanted.iter_mut().zip(part(i)).for_each(|(sum, x)| *sum += x));
    for pieces in [1, 2, 3, 5, 8] {
        // The last pieces that have a part have the first ones.
        let first = pieces.min(count) - 1;
        let sums = together(pieces, |piece| {
            let own = first.checked_sub(piece.rank()).map(|i| i * count / (first + 1)..(i + 1) * count / (first + 1));
            let parts: Vec<Vec<f32>> = own.unwrap_or_default().map(part).collect();
            let parts: Vec<&[f32]> = parts.iter().map(|part| &part[..]).collect();
            let mut out = vec![0.0; len];
            piece.sum_in_order(first, &parts, &mut out).unwrap();
            out
        });
        assert!(sums.iter().all(|sum| *sum == wanted), "{pieces} pieces");
    }
    let missing = together(2, |piece| piece.sum_in_order::<f32>(0, &[], &mut [0.0]).is_err());
    assert!(missing[0], "the first piece has no part");
}

#[test]
fn sums_in_any_order_agree_to_rounding_and_on_every_piece() {
    let leaves = Leaves::of(5000);
    let wanted = of_node(&leaves.root());
    for pieces in [2, 3, 5] {
        let sums = together(pieces, |piece| {
            // Numbers of the fixed tree are those of another order only to rounding.
            let nodes = leaves.nodes(&leaves.share(piece.rank(), piece.size()));
            let parts: Vec<Vec<f64>> = nodes.iter().map(of_node).collect();
            let slices: Vec<&[f64]> = parts.iter().map(|part| &part[..]).collect();
            let (mut tree, mut chain) = (vec![0.0; 2], vec![0.0; 2]);
            let free: &dyn Communicator = &InAnyOrder(piece);
            free.sum_in_order(pieces - 1, &slices, &mut chain).unwrap();
            free.sum(&leaves, parts.clone(), &mut tree).unwrap();
            [tree, chain]
        });
        assert!(sums.iter().all(|sum| *sum == sums[0]), "pieces have different sums");
        for sum in &sums[0] {
            assert!((sum[0] - wanted[0]).abs() <= 1e-13 * 1e6 && sum[1] == wanted[1], "{sum:?}, {wanted:?}");
        }
    }
}

#[test]
fn what_a_piece_sends_is_counted() {
    let counts = together(3, |piece| {
        let counted = Counted::new(piece);
        let all: &dyn Communicator = &counted;
        all.broadcast(&mut [0.0f32; 5]).unwrap();
        all.broadcast(&mut [0.0f64; 3]).unwrap();
        (counted.messages(), counted.bytes())
    });
    // Piece 0 hands the numbers to both others.
    assert_eq!(counts, [(4, 2 * (20 + 24)), (0, 0), (0, 0)]);
}

#[test]
fn pieces_without_numbers_take_part_in_a_gathering() {
    for pieces in [1, 2, 5] {
        let place = |rank: usize| rank / 2..rank.div_ceil(2);
        let all = together(pieces, |piece| {
            let own: Vec<f32> = place(piece.rank()).map(|i| i as f32 + 0.5).collect();
            let mut all = vec![0.0f32; pieces / 2];
            piece.gather(&own, place, &mut all).unwrap();
            all
        });
        let wanted: Vec<f32> = (0..pieces / 2).map(|i| i as f32 + 0.5).collect();
        assert!(all.iter().all(|all| *all == wanted), "{all:?}");
    }
}

#[test]
fn a_piece_that_has_ended_is_named_by_those_that_wait_for_it() {
    let errors = together(3, |piece| {
        let mut numbers = [0.0];
        if piece.rank() == 0 { String::new() } else { piece.broadcast(&mut numbers).unwrap_err().to_string() }
    });
    assert_eq!(errors[1], "piece 0 of the computation has ended, so that the others cannot go on");
    assert_eq!(Alone.receive(0, NumbersMut::Float64(&mut [0.0])).unwrap_err().to_string(), errors[1]);
}

#[test]
fn what_has_arrived_is_known_before_it_is_received() {
    let seen = together(2, |piece| {
        let other = 1 - piece.rank();
        if piece.rank() == 0 {
            piece.send(other, Numbers::Float64(&[5.0])).unwrap();
            // The other piece answers once it has looked.
            let mut answer = [0.0];
            piece.receive(other, NumbersMut::Float64(&mut answer)).unwrap();
            return answer[0];
        }
        while !piece.arrived(other).unwrap() {
            std::thread::yield_now();
        }
        assert!(piece.arrived(other).unwrap(), "looking takes nothing away");
        let mut numbers = [0.0];
        piece.receive(other, NumbersMut::Float64(&mut numbers)).unwrap();
        assert!(!piece.arrived(other).unwrap());
        piece.send(other, Numbers::Float64(&numbers)).unwrap();
        while piece.arrived(other).is_ok() {
            std::thread::yield_now();
        }
        numbers[0]
    });
    assert_eq!(seen, [5.0, 5.0]);
    assert!(Alone.arrived(0).is_err());
}

#[test]
fn numbers_of_another_type_are_no_numbers_that_were_waited_for() {
    let errors = together(2, |piece| {
        if piece.rank() == 0 {
            return piece.send(1, Numbers::Float32(&[1.0])).map_err(|e| e.to_string());
        }
        piece.receive(0, NumbersMut::Float64(&mut [0.0])).map_err(|e| e.to_string())
    });
    assert!(errors[0].is_ok() && errors[1].as_ref().is_err_and(|e| e.contains("piece 0")), "{errors:?}");
}
