//! Answers: from the request to the stored end.

pub mod lanes;
pub mod run;
