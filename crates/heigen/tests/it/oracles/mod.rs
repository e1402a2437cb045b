//! The specification as tests: oracles that share no code with the code that they test.

mod closed_forms;
mod derivatives;
mod differences;
mod eigen;
mod errors;
mod exact;
mod generalization;
mod graph_cases;
mod invariance;
mod known_range;
mod layers;
mod linear_ranks;
mod margins;
mod optimizers;
mod properties;
mod resume;
mod runs;
