//! sign in
