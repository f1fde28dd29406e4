//! gate matrix
