//! directories
