//! A little room that is kept for the day when the disk is full: reading needs some, too, because windows that share a
//! database do so through a file beside it (`-shm`). Some of it is given up then, and kept again when there is room.

use std::{fs, os::unix::fs::OpenOptionsExt, path::Path};

use rustix::fs::{FallocateFlags, OFlags, fallocate};

use super::files::directory_of;

/// For several starts: whoever filled the disk may take at once what one start gave up.
const BYTES: u64 = 256 * 1024;
/// The shared memory of one database.
const STEP: u64 = 32 * 1024;
const NAME: &str = ".room";

/// Keeps some room beside the database, if there is any. Having none is no failure.
pub(super) fn keep(database: &Path) {
    let path = directory_of(database).join(NAME);
    if fs::symlink_metadata(&path).is_ok_and(|kept| kept.len() >= BYTES) {
        return;
    }
    if let Some(file) = open(&path, true) {
        let _ = fallocate(&file, FallocateFlags::empty(), 0, BYTES);
    }
}

/// Gives some of the room up; says whether there was any.
pub(super) fn give_up(database: &Path) -> bool {
    let Some(file) = open(&directory_of(database).join(NAME), false) else { return false };
    let kept = file.metadata().map_or(0, |kept| kept.len());
    kept > 0 && file.set_len(kept.saturating_sub(STEP)).is_ok()
}

fn open(path: &Path, create: bool) -> Option<fs::File> {
    let mut how = fs::OpenOptions::new();
    how.write(true).create(create).truncate(false).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    how.open(path).ok()
}
