//! Row-major tensors read in another order.

/// Distances between neighbours along each axis.
pub(crate) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i];
    }
    strides
}

/// The strides of a tensor of `shape` that is repeated to `to`.
pub(crate) fn repeated(shape: &[usize], to: &[usize]) -> Vec<isize> {
    let own = strides(shape);
    let missing = to.len() - shape.len();
    let stride = |i: usize| match i.checked_sub(missing) {
        Some(i) if shape[i] != 1 => own[i] as isize,
        _ => 0,
    };
    (0..to.len()).map(stride).collect()
}

/// Calls `visit` with the place of every entry of a tensor of `shape`, in row-major order, where the entry of index 0 lies at
/// `start` and neighbours along axis i `steps[i]` apart.
pub(crate) fn each(shape: &[usize], steps: &[isize], start: usize, mut visit: impl FnMut(usize)) {
    if shape.contains(&0) {
        return;
    }
    let mut index = vec![0_usize; shape.len()];
    let mut at = start as isize;
    loop {
        visit(at as usize);
        let mut axis = shape.len();
        loop {
            let Some(next) = axis.checked_sub(1) else { return };
            axis = next;
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= steps[axis] * shape[axis] as isize;
            index[axis] = 0;
        }
    }
}

/// The entries in that order.
pub(crate) fn read(values: &[f64], shape: &[usize], steps: &[isize], start: usize) -> Vec<f64> {
    let mut read = Vec::with_capacity(shape.iter().product());
    each(shape, steps, start, |at| read.push(values[at]));
    read
}
