//! Vaults that a reset sealed, on the Account screen.

use super::*;

fn sealed(needs_code: bool) -> SealedVault {
    let id = VaultId(uuid::Uuid::from_u128(7));
    SealedVault { id, sealed_at: clock() - 86_400_000, bytes: Some(2_345_678), needs_code }
}

/// At the row of the sealed vaults, with one of them.
fn at_sealed(needs_code: bool) -> Root {
    let mut root = on_tab("Data");
    told(&mut root, AccountReply::Sealed(Ok(vec![sealed(needs_code)])));
    for _ in 0..3 {
        press(&mut root, "down");
    }
    root
}

#[test]
fn sealed_vaults_are_offered_only_where_there_are_any() {
    let mut root = on_tab("Data");
    told(&mut root, AccountReply::Sealed(Ok(Vec::new())));
    assert!(!draw(&root, 80, 24).contains("Sealed vaults"));
    assert!(draw(&at_sealed(true), 80, 24).contains("Sealed vaults"));
}

#[test]
fn a_sealed_vault_opens_with_its_code_and_the_passphrase_and_its_new_code_is_shown() {
    let mut root = at_sealed(true);
    press(&mut root, "enter");
    press(&mut root, "enter");
    press(&mut root, "tab");
    write(&mut root, "tulip");
    let effects = press(&mut root, "enter");
    assert!(calls(&effects).is_empty() && draw(&root, 80, 24).contains("Type the recovery code"), "{effects:?}");
    write(&mut root, "AAAA-BBBB");
    press(&mut root, "tab");
    let effects = press(&mut root, "enter");
    let [AccountCall::OpenSealed(call)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!(
        (call.which, call.code.as_ref().unwrap().reveal(), call.passphrase.reveal()),
        (sealed(true).id, "AAAA-BBBB", "tulip")
    );
    let wrong = Fault::new(FaultKind::WrongCredentials, "That recovery code does not open this vault.");
    told(&mut root, AccountReply::SealedOpened(Err(wrong)));
    assert!(draw(&root, 80, 24).contains("does not open this vault"));
    let opened = SignedIn { recovery_code: Some(Secret::new("CODE-CODE-CODE-CODE-CODE-CODE-CODE")), ..signed_in() };
    told(&mut root, AccountReply::SealedOpened(Ok(Box::new(opened))));
    let screen = draw(&root, 80, 24);
    assert!(screen.contains("CODE  CODE") && matches!(root.stage, Stage::Outside(_)), "{screen}");
}

#[test]
fn one_that_was_open_before_needs_the_passphrase_only() {
    let mut root = at_sealed(false);
    press(&mut root, "enter");
    press(&mut root, "enter");
    assert!(!draw(&root, 80, 24).contains("Its recovery code"));
    write(&mut root, "tulip");
    let effects = press(&mut root, "enter");
    let [AccountCall::OpenSealed(call)] = calls(&effects)[..] else { panic!("{effects:?}") };
    assert_eq!((call.code.as_ref(), call.passphrase.reveal()), (None, "tulip"));
}

#[test]
fn forgetting_a_sealed_vault_is_asked_for_twice() {
    let mut root = at_sealed(true);
    press(&mut root, "enter");
    press(&mut root, "down");
    let effects = press(&mut root, "enter");
    assert!(calls(&effects).is_empty(), "{effects:?}");
    assert!(draw(&root, 80, 24).contains("Nobody will be able to bring it back"));
    press(&mut root, "down");
    let effects = press(&mut root, "enter");
    assert!(matches!(calls(&effects)[..], [AccountCall::ForgetSealed(id)] if *id == sealed(true).id), "{effects:?}");
    let effects = told(&mut root, AccountReply::SealedForgotten(Ok(())));
    assert!(matches!(calls(&effects)[..], [AccountCall::Sealed]), "{effects:?}");
}

#[test]
fn the_form_that_opens_a_sealed_vault_looks_right() {
    let mut root = at_sealed(true);
    press(&mut root, "enter");
    press(&mut root, "enter");
    assert_looks("account_sealed", root);
}
