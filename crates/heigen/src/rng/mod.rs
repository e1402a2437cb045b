//! Random streams of NumPy and PyTorch, bit for bit.
