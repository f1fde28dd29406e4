//! hostile text
