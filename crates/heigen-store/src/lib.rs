//! Everything `heigen` keeps on disk.
