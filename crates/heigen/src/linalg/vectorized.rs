//! Loops over many numbers, compiled for the widest vectors of the machine.

/// Runs `f`, a loop over many numbers, compiled for the widest vectors of this machine that the program supports. The
/// results are the same on every machine, since no operation is reordered or fused.
#[inline]
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// `y = f(y, x)` entry by entry, for the few numbers of one pixel inside [`vectorized`]. It works in blocks of fixed
/// lengths, 8, 4, 2 and 1, which avoids the set-up cost of a loop of unknown length and leaves few numbers to be handled one by
/// one: the six channels of LeNet5 are two blocks, and a row of five of its pixels is five.
#[inline(always)]
pub fn short_zip<T: Copy>(y: &mut [T], x: &[T], f: impl Fn(T, T) -> T) {
    let (y, x) = blocks::<8, T>(y, x, &f);
    if y.is_empty() {
        return;
    }
    let (y, x) = blocks::<4, T>(y, x, &f);
    let (y, x) = blocks::<2, T>(y, x, &f);
    blocks::<1, T>(y, x, &f);
}

/// Handles the whole blocks of `LENGTH` numbers, and returns the rest. Whole blocks are copied out and in: only then does the
/// compiler know that writing one entry leaves the others unchanged, and keeps a block in one register.
#[inline(always)]
fn blocks<'a, 'b, const LENGTH: usize, T: Copy>(
    y: &'a mut [T],
    x: &'b [T],
    f: &impl Fn(T, T) -> T,
) -> (&'a mut [T], &'b [T]) {
    let (y_blocks, y_rest) = y.as_chunks_mut::<LENGTH>();
    let (x_blocks, x_rest) = x.as_chunks::<LENGTH>();
    for (y, x) in y_blocks.iter_mut().zip(x_blocks) {
        let (mut own, x) = (*y, *x);
        for i in 0..LENGTH {
            own[i] = f(own[i], x[i]);
        }
        *y = own;
    }
    (y_rest, x_rest)
}
