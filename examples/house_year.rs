//! Fills the installation in a data directory with a year of other people's figures, to look at reports and the overview:
//! `cargo run --example house_year -- DIR [PEOPLE]`. There must be an administrator already; nothing of theirs is touched.
#![allow(
    clippy::unwrap_used,
    clippy::allow_attributes,
    clippy::print_stdout,
    missing_docs,
    reason = "it is for looking, and should say where it stops"
)]

#[path = "../benches/support/house_year.rs"]
mod house_year;

use std::{os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use ollamanet::store::{
    StoreError,
    system::{Moment, open_system, storage_days, usage_days::wall_day},
};

fn main() {
    let mut args = std::env::args().skip(1);
    let data = PathBuf::from(args.next().unwrap_or_else(|| ".".to_owned()));
    let count = args.next().and_then(|text| text.parse().ok()).unwrap_or(30);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let system = open_system(&data.join("system.db"), false).unwrap();
        let people = house_year::people(&system, count).await;
        let today = wall_day(&ollamanet::zone::local(), Moment::clock());
        // What the accounts say they take lies there, as holes.
        let vaults: Result<Vec<_>, StoreError> = system.read(storage_days::vaults).await;
        for (n, (_, vault)) in vaults.unwrap().into_iter().enumerate() {
            let place = data.join("vaults").join(format!("{vault}.db"));
            if let Ok(file) = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(place) {
                file.set_len(2_000_000 + 365 * (40_000 + n as u64 * 900)).unwrap();
            }
        }
        println!("{} answers", house_year::year(&system, &people, today, 365).await);
    });
}
