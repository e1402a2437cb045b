//! Loops over many numbers, compiled for the widest vectors of the machine.

/// Runs `f`, a loop over many numbers, compiled for the widest vectors of this machine that the program supports. The
/// results are the same on every machine, since no operation is reordered or fused.
#[inline]
pub fn vectorized<R>(f: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(f)
}

/// `y = f(y, x)` entry by entry, for the few numbers of one pixel inside [`vectorized`]. It works in blocks of fixed
/// length, which avoids the set-up cost of a loop of unknown length. Whole blocks are copied out and in: only then does
/// the compiler know that writing one entry leaves the others unchanged, and keeps a block in one register.
#[inline(always)]
pub fn short_zip<T: Copy>(y: &mut [T], x: &[T], f: impl Fn(T, T) -> T) {
    let (y_blocks, y_rest) = y.as_chunks_mut::<8>();
    let (x_blocks, x_rest) = x.as_chunks::<8>();
    for (y, x) in y_blocks.iter_mut().zip(x_blocks) {
        let (mut own, x) = (*y, *x);
        for i in 0..8 {
            own[i] = f(own[i], x[i]);
        }
        *y = own;
    }
    for (y, &x) in y_rest.iter_mut().zip(x_rest) {
        *y = f(*y, x);
    }
}
