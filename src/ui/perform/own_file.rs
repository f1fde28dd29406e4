//! A file being written for its owner alone, under the whole path that somebody typed. One that is not finished was never
//! there.

use std::path::Path;

use crate::{
    api::Fault,
    whole_file::{Pieces, There},
};

#[derive(Debug)]
pub(super) struct OwnFile(Pieces);

impl OwnFile {
    /// Never over a file that is there.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        if !path.is_absolute() {
            return Err(Fault::invalid("The file needs its whole path.").hint("Begin with / or with ~/."));
        }
        Ok(Self(Pieces::begin(path, There::Keep)?))
    }

    pub fn write(&mut self, text: &str) -> Result<(), Fault> {
        self.0.add(text)
    }

    pub fn finish(self) -> Result<(), Fault> {
        self.0.end().map(drop)
    }
}
