//! `ollamanet account sealed`: one's own vaults that are kept and not open.

use serde_json::json;

use super::{
    Desk, End, account,
    args::{Sealed, Stay},
    find::short,
    out::{self, moment, print, print_json, say},
    sign_in, typed,
};
use crate::api::{
    Fault, FaultKind, amount,
    auth::{Secret, Session},
    profile::SealedVault,
};

/// # Errors
/// How it ended, when not well.
pub async fn run(desk: &Desk, what: Sealed) -> Result<(), End> {
    if let (Sealed::Open { vault, stay }, Some(name)) = (&what, &desk.global.user) {
        // The descriptor holds the passphrase once, for signing in and for the vault that is opened.
        let source = desk.secrets()?;
        let passphrase = source.next(&format!("Passphrase of {}", out::safe(name))).await?;
        let signed_in = sign_in::enter(desk, desk.gateway.sign_in(name, &passphrase).await?).await?;
        let row = find(&desk.gateway.sealed_vaults(&signed_in.session).await?, vault)?;
        return open(desk, &signed_in.session, &row, passphrase, *stay).await;
    }
    let session = &desk.session().await?;
    let rows = desk.gateway.sealed_vaults(session).await?;
    match what {
        Sealed::List => list(desk, &rows),
        Sealed::Open { vault, stay } => {
            let row = find(&rows, &vault)?;
            let passphrase = desk.secrets()?.next("Your passphrase").await?;
            open(desk, session, &row, passphrase, stay).await
        }
        Sealed::Forget { vault, yes } => {
            let row = find(&rows, &vault)?;
            let warning = format!("The vault {} and everything in it will be gone for good.", short(row.id));
            typed::name(&short(row.id), &warning, yes).await?;
            desk.confirmed(session, |session| desk.gateway.forget_sealed_vault(session, row.id)).await?;
            if desk.global.json {
                return print_json(&json!({ "forgotten": row.id }));
            }
            print(&format!("{} is gone for good.\n", short(row.id)))
        }
    }
}

async fn open(desk: &Desk, session: &Session, row: &SealedVault, passphrase: Secret, stay: Stay) -> Result<(), End> {
    let source = desk.secrets()?;
    let code = if row.needs_code { Some(source.next("Recovery code of the sealed vault").await?) } else { None };
    let signed_in = desk.gateway.open_sealed_vault(session, row.id, code, &passphrase).await?;
    if !desk.global.json {
        say(
            "The sealed vault is open; the one you had is sealed in its place and kept. Your other sessions have ended.",
        );
    }
    let stays = account::stay_if_wanted(desk, &signed_in, stay, source).await?;
    account::tell(desk, &signed_in, stays, None)
}

fn find(rows: &[SealedVault], which: &str) -> Result<SealedVault, Fault> {
    let which = which.trim();
    let fits = |row: &&SealedVault| {
        let id = row.id.to_string();
        which.len() >= 4 && (id.starts_with(which) || id.ends_with(which))
    };
    let found: Vec<&SealedVault> = rows.iter().filter(fits).collect();
    match found[..] {
        [row] => Ok(row.clone()),
        [] => Err(Fault::new(FaultKind::NotFound, "There is no such sealed vault.")
            .hint("See which there are: ollamanet account sealed list")),
        _ => Err(Fault::invalid("Several sealed vaults are called so.").hint("Write more of the id.")),
    }
}

fn list(desk: &Desk, rows: &[SealedVault]) -> Result<(), End> {
    if desk.global.json {
        return print_json(&rows);
    }
    if rows.is_empty() {
        say("No vault of yours is sealed.");
        return Ok(());
    }
    let cells: Vec<[String; 4]> = rows
        .iter()
        .map(|row| {
            [
                short(row.id),
                moment(row.sealed_at),
                row.bytes.map_or_else(|| "missing".to_owned(), amount::bytes),
                if row.needs_code { "its recovery code" } else { "your passphrase" }.to_owned(),
            ]
        })
        .collect();
    print(&out::table(["ID", "SEALED", "SIZE", "OPENS WITH"], &cells))
}
