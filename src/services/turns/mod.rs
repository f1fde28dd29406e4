//! Answers: from the request to the stored end.

pub mod run;
