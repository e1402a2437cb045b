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

/// `y = f(y, x, z)` entry by entry, in blocks of fixed length, like [`short_zip`].
#[inline(always)]
pub fn short_zip3<T: Copy>(y: &mut [T], x: &[T], z: &[T], f: impl Fn(T, T, T) -> T) {
    let (y_blocks, y_rest) = y.as_chunks_mut::<8>();
    let (x_blocks, x_rest) = x.as_chunks::<8>();
    let (z_blocks, z_rest) = z.as_chunks::<8>();
    for ((y, x), z) in y_blocks.iter_mut().zip(x_blocks).zip(z_blocks) {
        let (mut own, x, z) = (*y, *x, *z);
        for i in 0..8 {
            own[i] = f(own[i], x[i], z[i]);
        }
        *y = own;
    }
    for ((y, &x), &z) in y_rest.iter_mut().zip(x_rest).zip(z_rest) {
        *y = f(*y, x, z);
    }
}
