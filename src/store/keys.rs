//! A vault's key and the slots it is wrapped in. Opening a slot *is* the passphrase check: there is no second, weaker hash.
//!
//! ```text
//! data key   32 random bytes per vault, never stored in clear
//! slot       XChaCha20-Poly1305(slot key, data key), the slot's own fields as associated data
//! slot key   passphrase: HKDF(Argon2id(bytes exactly as typed))   (RFC 9106, second recommended option)
//!            recovery, session: HKDF(128 or 256 random bits)      (RFC 5869; enough entropy needs no stretching)
//! ```
//!
//! Architecture invariant: key derivation and wrapping happen nowhere else, and no key outlives its use unwiped.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hkdf::Hkdf;
use rand::{TryRng, rngs::SysRng};
use sha2::{Digest, Sha256};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::data_key::RawKey;
use crate::api::{AccountId, auth::Secret};

/// The format of a slot. Part of the associated data, so an older one cannot be passed off as a newer one.
const VERSION: u8 = 1;

/// The least that a passphrase slot costs: 64 MiB, three passes, four lanes (RFC 9106 §4, second option). About 170 ms of
/// CPU on the machine this was measured on; `new_cost` asks for more where more is quick.
pub const PASSPHRASE_COST: Cost = Cost { memory_kib: 64 * 1024, passes: 3, lanes: 4 };

/// The most that a new passphrase slot takes of anybody's memory, KiB.
const MOST_KIB: u32 = 256 * 1024;
/// How long opening a passphrase slot should take at most, where that is not below the least cost.
const PATIENCE: Duration = Duration::from_millis(500);

/// A slot that asks for more was tampered with: refused before any memory is taken.
const COST_CEILING: Cost = Cost { memory_kib: 1024 * 1024, passes: 10, lanes: 16 };

#[derive(Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// The secret does not open the slot, or the slot was changed. The two cannot be told apart.
    #[error("the secret does not open this slot")]
    Wrong,
    #[error("the slot asks for a cost outside the accepted range")]
    Cost,
    #[error("the operating system gave no random numbers")]
    Random,
    #[error("the code has a typing mistake")]
    Mistyped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub memory_kib: u32,
    pub passes: u32,
    pub lanes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    Passphrase,
    Recovery,
    Session,
}

impl SlotKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::Recovery => "recovery",
            Self::Session => "session",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Passphrase, Self::Recovery, Self::Session].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A data key, wrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    pub id: uuid::Uuid,
    pub account: AccountId,
    pub vault: uuid::Uuid,
    pub kind: SlotKind,
    pub version: u8,
    pub cost: Cost,
    pub salt: [u8; 16],
    pub nonce: [u8; 24],
    pub sealed: Vec<u8>,
}

/// A fresh key for a new vault.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_data_key() -> Result<RawKey, KeyError> {
    RawKey::filled(|key| SysRng.try_fill_bytes(key).map_err(|_| KeyError::Random))
}

/// `N` bytes from the operating system.
///
/// # Errors
/// When it gives none.
pub fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, KeyError> {
    let mut bytes = Zeroizing::new([0; N]);
    SysRng.try_fill_bytes(&mut *bytes).map_err(|_| KeyError::Random)?;
    Ok(bytes)
}

/// What a new passphrase slot costs on this machine: measured once, when the first is made. An unoptimised build, which
/// tells nothing of this machine, takes the least.
fn new_cost() -> Cost {
    static MEASURED: OnceLock<Cost> = OnceLock::new();
    if cfg!(debug_assertions) {
        return PASSPHRASE_COST;
    }
    *MEASURED.get_or_init(|| {
        let begun = Instant::now();
        burn(PASSPHRASE_COST, b"how fast is this machine");
        cost_where_the_least_takes(begun.elapsed())
    })
}

/// Argon2id's time grows with its memory, so more memory is what is bought with the time that is left; in steps of
/// 16 MiB, so that the figure says little about the moment it was measured in.
fn cost_where_the_least_takes(took: Duration) -> Cost {
    const STEP_KIB: u128 = 16 * 1024;
    let least = PASSPHRASE_COST.memory_kib;
    let fits = u128::from(least) * PATIENCE.as_micros() / took.as_micros().max(1) / STEP_KIB * STEP_KIB;
    let memory_kib = u32::try_from(fits).unwrap_or(u32::MAX).clamp(least, MOST_KIB);
    Cost { memory_kib, ..PASSPHRASE_COST }
}

/// Wraps `key` so that `secret` opens it. For a passphrase this takes Argon2id's time and memory.
///
/// # Errors
/// Only for want of random numbers.
pub fn seal(
    account: AccountId,
    vault: uuid::Uuid,
    kind: SlotKind,
    secret: &[u8],
    key: &RawKey,
) -> Result<Slot, KeyError> {
    let mut slot = Slot {
        id: uuid::Uuid::now_v7(),
        account,
        vault,
        kind,
        version: VERSION,
        cost: match kind {
            SlotKind::Passphrase => new_cost(),
            SlotKind::Recovery | SlotKind::Session => Cost { memory_kib: 0, passes: 0, lanes: 0 },
        },
        salt: *random()?,
        nonce: *random()?,
        sealed: Vec::new(),
    };
    let wrapping = slot_key(&slot, secret)?;
    let payload = Payload { msg: key.as_slice(), aad: &slot.associated() };
    slot.sealed = XChaCha20Poly1305::new((&*wrapping).into())
        .encrypt(&XNonce::from(slot.nonce), payload)
        .map_err(|_| KeyError::Wrong)?;
    Ok(slot)
}

/// The data key, if `secret` opens the slot.
///
/// # Errors
/// `Wrong` for another secret or a changed slot, `Cost` for parameters no honest slot has.
pub fn unseal(slot: &Slot, secret: &[u8]) -> Result<RawKey, KeyError> {
    if slot.version != VERSION {
        return Err(KeyError::Wrong);
    }
    let wrapping = slot_key(slot, secret)?;
    let payload = Payload { msg: &slot.sealed, aad: &slot.associated() };
    let mut opened = XChaCha20Poly1305::new((&*wrapping).into())
        .decrypt(&XNonce::from(slot.nonce), payload)
        .map_err(|_| KeyError::Wrong)?;
    let key = RawKey::filled(|key| {
        if opened.len() != key.len() {
            return Err(KeyError::Wrong);
        }
        key.copy_from_slice(&opened);
        Ok(())
    });
    opened.zeroize();
    key
}

/// Seals something small of an account, so that only whoever has opened the vault can read it. The purpose is part of the
/// key and of the associated data: what was sealed for one use does not open for another, nor for another account.
///
/// # Errors
/// Only for want of random numbers.
pub fn seal_with(key: &RawKey, account: AccountId, purpose: &str, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
    let nonce = *random::<24>()?;
    let payload = Payload { msg: plain, aad: &sealed_for(account, purpose) };
    let sealed = XChaCha20Poly1305::new((&*purpose_key(key, purpose)?).into())
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| KeyError::Wrong)?;
    Ok([&[VERSION], nonce.as_slice(), &sealed].concat())
}

/// What `seal_with` sealed.
///
/// # Errors
/// `Wrong` for another key, account or purpose, or if it was changed.
pub fn unseal_with(
    key: &RawKey,
    account: AccountId,
    purpose: &str,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (version, rest) = sealed.split_first().ok_or(KeyError::Wrong)?;
    let (nonce, sealed) = rest.split_first_chunk::<24>().ok_or(KeyError::Wrong)?;
    if *version != VERSION {
        return Err(KeyError::Wrong);
    }
    let payload = Payload { msg: sealed, aad: &sealed_for(account, purpose) };
    XChaCha20Poly1305::new((&*purpose_key(key, purpose)?).into())
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Wrong)
}

/// A vault's key that `seal_with` sealed with another's.
///
/// # Errors
/// As `unseal_with`, and for what is no key.
pub fn unseal_key_with(key: &RawKey, account: AccountId, purpose: &str, sealed: &[u8]) -> Result<RawKey, KeyError> {
    let opened = unseal_with(key, account, purpose, sealed)?;
    RawKey::filled(|key| {
        if opened.len() != key.len() {
            return Err(KeyError::Wrong);
        }
        key.copy_from_slice(&opened);
        Ok(())
    })
}

fn purpose_key(key: &RawKey, purpose: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key.as_slice())
        .expand_multi_info(&[b"ollamanet sealed ", purpose.as_bytes()], &mut *derived)
        .map_err(|_| KeyError::Wrong)?;
    Ok(derived)
}

fn sealed_for(account: AccountId, purpose: &str) -> Vec<u8> {
    [b"ollamanet sealed".as_slice(), &[VERSION], account.0.as_bytes(), purpose.as_bytes()].concat()
}

/// Does the work of opening a passphrase slot of this cost for nobody, so that an unknown name takes as long as a known
/// one.
pub fn burn(cost: Cost, secret: &[u8]) {
    let cost = if cost.is_honest() { cost } else { PASSPHRASE_COST };
    let _ = stretched(cost, &[0x6f; 16], secret);
}

impl Cost {
    /// Whether a passphrase slot of ours can ask for this.
    fn is_honest(self) -> bool {
        let (floor, ceiling) = (PASSPHRASE_COST, COST_CEILING);
        (floor.memory_kib..=ceiling.memory_kib).contains(&self.memory_kib)
            && (floor.passes..=ceiling.passes).contains(&self.passes)
            && (1..=ceiling.lanes).contains(&self.lanes)
    }
}

impl Slot {
    /// Everything about a slot that must not be changed behind its back.
    fn associated(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        bytes.extend_from_slice(b"ollamanet slot");
        bytes.push(self.version);
        bytes.extend_from_slice(self.id.as_bytes());
        bytes.extend_from_slice(self.account.0.as_bytes());
        bytes.extend_from_slice(self.vault.as_bytes());
        bytes.extend_from_slice(self.kind.as_str().as_bytes());
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.salt);
        bytes
    }
}

fn slot_key(slot: &Slot, secret: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let material = match slot.kind {
        SlotKind::Passphrase => {
            if !slot.cost.is_honest() {
                return Err(KeyError::Cost);
            }
            stretched(slot.cost, &slot.salt, secret)?
        }
        SlotKind::Recovery | SlotKind::Session => {
            let mut digest = Zeroizing::new([0; 32]);
            digest.copy_from_slice(&Sha256::digest(secret));
            digest
        }
    };
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(&slot.salt), material.as_slice())
        .expand_multi_info(&[b"ollamanet ", slot.kind.as_str().as_bytes()], &mut *key)
        .map_err(|_| KeyError::Wrong)?;
    Ok(key)
}

fn stretched(cost: Cost, salt: &[u8], secret: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(32)).map_err(|_| KeyError::Cost)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret, salt, &mut *out)
        .map_err(|_| KeyError::Wrong)?;
    Ok(out)
}

/// Crockford's base 32: no letter that is mistaken for another.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters of a recovery code: 128 bits, and two more letters that notice typing mistakes.
const RECOVERY_LETTERS: usize = 28;
/// Letters of a one-time code: 90 bits, and two more letters that notice typing mistakes.
const ONE_TIME_LETTERS: usize = 20;

/// 128 random bits as 26 characters and two that notice typing mistakes, in groups of four.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_recovery_code() -> Result<Secret, KeyError> {
    new_code(RECOVERY_LETTERS)
}

/// 90 random bits as 18 characters and two that notice typing mistakes, in groups of four.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_one_time_code() -> Result<Secret, KeyError> {
    new_code(ONE_TIME_LETTERS)
}

/// `letters` characters, at most 28, of which the last two are a check.
fn new_code(letters: usize) -> Result<Secret, KeyError> {
    let bits = random::<20>()?;
    let mut letters = Zeroizing::new(base32(&*bits, letters - 2));
    let check = base32(&Sha256::digest(letters.as_bytes()), 2);
    letters.push_str(&check);
    let mut code = Zeroizing::new(String::with_capacity(34));
    for (at, letter) in letters.chars().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(letter);
    }
    Ok(Secret::new(code.as_str()))
}

/// The code as it is used as a secret: without grouping, misread letters mended.
///
/// # Errors
/// `Mistyped` when its length or its check characters are wrong; that costs no attempt.
pub fn read_recovery_code(typed: &Secret) -> Result<Secret, KeyError> {
    read_code(typed, RECOVERY_LETTERS)
}

/// The code without grouping, misread letters mended.
///
/// # Errors
/// `Mistyped` when its length or its check characters are wrong; that costs no attempt.
pub fn read_one_time_code(typed: &Secret) -> Result<Secret, KeyError> {
    read_code(typed, ONE_TIME_LETTERS)
}

/// What is kept of a one-time code that `read_one_time_code` gave. 90 bits need no stretching.
#[must_use]
pub fn one_time_hash(code: &Secret) -> [u8; 32] {
    Sha256::digest(code.reveal().as_bytes()).into()
}

fn read_code(typed: &Secret, length: usize) -> Result<Secret, KeyError> {
    let letters = read_letters(typed).filter(|letters| letters.len() == length).ok_or(KeyError::Mistyped)?;
    let (random, check) = letters.split_at(length - 2);
    if base32(&Sha256::digest(random.as_bytes()), 2) != check {
        return Err(KeyError::Mistyped);
    }
    Ok(Secret::new(letters.as_str()))
}

/// Eighty random bits as sixteen characters in groups of four: good once, in the place of a second factor's code.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_short_code() -> Result<Secret, KeyError> {
    let letters = Zeroizing::new(base32(&*random::<10>()?, 16));
    let groups = [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..]];
    Ok(Secret::new(groups.join("-")))
}

/// Such a code as it was made, however it was typed. `None` = it cannot be one.
#[must_use]
pub fn read_short_code(typed: &Secret) -> Option<Secret> {
    let letters = read_letters(typed)?;
    (letters.len() == 16).then(|| Secret::new(letters.as_str()))
}

/// The characters of a code without grouping, misread letters mended. One letter more than the longest code has would move
/// the text and leave an unwiped copy behind.
fn read_letters(typed: &Secret) -> Option<Zeroizing<String>> {
    let mut letters = Zeroizing::new(String::with_capacity(RECOVERY_LETTERS));
    for c in typed.reveal().chars() {
        let letter = match c.to_ascii_uppercase() {
            ' ' | '-' | '\t' => continue,
            'O' => '0',
            'I' | 'L' => '1',
            c if c.is_ascii() && ALPHABET.contains(&(c as u8)) => c,
            _ => return None,
        };
        if letters.len() == RECOVERY_LETTERS {
            return None;
        }
        letters.push(letter);
    }
    Some(letters)
}

fn base32(bytes: &[u8], letters: usize) -> String {
    (0..letters)
        .map(|letter| {
            let value = (0..5).fold(0u8, |value, bit| {
                let at = letter * 5 + bit;
                let set = bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
                value << 1 | u8::from(set)
            });
            char::from(ALPHABET[usize::from(value)])
        })
        .collect()
}

/// Five words of two syllables each, from 6 400 possible ones: 63 bits. Made of sounds rather than taken from a list,
/// so that every word is short and no list has to be shipped.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn propose_passphrase() -> Result<Secret, KeyError> {
    const FIRST: &[u8; 16] = b"bdfghjklmnprstvz";
    const SECOND: &[u8; 5] = b"aeiou";
    let bits = random::<40>()?;
    let mut phrase = Zeroizing::new(String::with_capacity(24));
    for (at, pair) in bits.chunks_exact(4).enumerate() {
        if at > 0 && at % 2 == 0 {
            phrase.push('-');
        }
        // 32 bits for one of 80 syllables: the bias is below one in fifty million.
        let number = u32::from_be_bytes([pair[0], pair[1], pair[2], pair[3]]) % 80;
        phrase.push(char::from(FIRST[(number / 5) as usize]));
        phrase.push(char::from(SECOND[(number % 5) as usize]));
    }
    Ok(Secret::new(phrase.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(kind: SlotKind) -> (Slot, RawKey) {
        let key = new_data_key().unwrap();
        (seal(AccountId::new(), uuid::Uuid::now_v7(), kind, " pass\u{1f511} ".as_bytes(), &key).unwrap(), key)
    }

    #[test]
    fn only_the_secret_exactly_as_typed_opens_a_slot() {
        for kind in [SlotKind::Passphrase, SlotKind::Recovery, SlotKind::Session] {
            let (slot, key) = sealed(kind);
            assert_eq!(unseal(&slot, " pass\u{1f511} ".as_bytes()), Ok(key));
            assert_eq!(unseal(&slot, "pass\u{1f511}".as_bytes()), Err(KeyError::Wrong));
        }
    }

    #[test]
    fn what_is_sealed_with_a_vaults_key_opens_for_its_account_and_purpose_only() {
        let (key, account) = (new_data_key().unwrap(), AccountId::new());
        let sealed = seal_with(&key, account, "second factor", b"secret").unwrap();
        assert_eq!(unseal_with(&key, account, "second factor", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(unseal_with(&key, account, "another use", &sealed), Err(KeyError::Wrong));
        assert_eq!(unseal_with(&key, AccountId::new(), "second factor", &sealed), Err(KeyError::Wrong));
        assert_eq!(unseal_with(&new_data_key().unwrap(), account, "second factor", &sealed), Err(KeyError::Wrong));
        assert_ne!(sealed, seal_with(&key, account, "second factor", b"secret").unwrap(), "the nonce was used twice");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal_with(&key, account, "second factor", &changed), Err(KeyError::Wrong), "bit {bit}");
        }
        for cut in 0..sealed.len() {
            assert_eq!(unseal_with(&key, account, "second factor", &sealed[..cut]), Err(KeyError::Wrong));
        }
    }

    #[test]
    fn a_slot_changed_anywhere_stays_shut() {
        let (slot, _) = sealed(SlotKind::Session);
        let secret = " pass\u{1f511} ".as_bytes();
        let mut changed = Vec::new();
        for bit in 0..slot.sealed.len() * 8 {
            let mut other = slot.clone();
            other.sealed[bit / 8] ^= 1 << (bit % 8);
            changed.push(other);
        }
        for bit in 0..24 * 8 {
            let mut other = slot.clone();
            other.nonce[bit / 8] ^= 1 << (bit % 8);
            changed.push(other);
        }
        for bit in 0..16 * 8 {
            let mut other = slot.clone();
            other.salt[bit / 8] ^= 1 << (bit % 8);
            changed.push(other);
        }
        changed.push(Slot { account: AccountId::new(), ..slot.clone() });
        changed.push(Slot { vault: uuid::Uuid::now_v7(), ..slot.clone() });
        changed.push(Slot { id: uuid::Uuid::now_v7(), ..slot.clone() });
        changed.push(Slot { kind: SlotKind::Recovery, ..slot.clone() });
        changed.push(Slot { version: 2, ..slot.clone() });
        changed.push(Slot { cost: PASSPHRASE_COST, ..slot.clone() });
        for other in changed {
            assert_eq!(unseal(&other, secret), Err(KeyError::Wrong), "{other:?}");
        }
    }

    #[test]
    fn a_cost_no_honest_slot_has_is_refused_before_it_is_paid() {
        let (slot, _) = sealed(SlotKind::Passphrase);
        for cost in [
            Cost { memory_kib: 4 * 1024 * 1024, ..PASSPHRASE_COST },
            Cost { memory_kib: 8, ..PASSPHRASE_COST },
            Cost { passes: 1, ..PASSPHRASE_COST },
            Cost { passes: 11, ..PASSPHRASE_COST },
            Cost { lanes: 0, ..PASSPHRASE_COST },
        ] {
            assert_eq!(unseal(&Slot { cost, ..slot.clone() }, b"x"), Err(KeyError::Cost));
        }
    }

    #[test]
    fn a_new_slot_takes_as_much_memory_as_half_a_second_allows_within_bounds() {
        let mib = |took_ms| cost_where_the_least_takes(Duration::from_millis(took_ms)).memory_kib / 1024;
        assert_eq!([2000, 500, 499, 250, 170, 100, 1, 0].map(mib), [64, 64, 64, 128, 176, 256, 256, 256]);
        for took_ms in [0, 100, 170, 2000] {
            assert!(cost_where_the_least_takes(Duration::from_millis(took_ms)).is_honest());
        }
        assert_eq!(sealed(SlotKind::Passphrase).0.cost, PASSPHRASE_COST, "tests take the least");
    }

    /// The value is the reference implementation's for the same input.
    #[test]
    fn derivation_stays_what_it_was() {
        let out = stretched(Cost { memory_kib: 64, passes: 3, lanes: 4 }, &[2; 16], &[1; 32]).unwrap();
        assert_eq!(hex::encode(*out), "d38f3b81e30cd2bb524616fdc13fae1eb6110bc0c2ec0f8f6fd3f40f053c72c1");
    }

    #[test]
    fn a_recovery_code_survives_how_people_write() {
        let code = new_recovery_code().unwrap();
        assert_eq!(code.reveal().len(), 34);
        let read = read_recovery_code(&code).unwrap();
        let sloppy = code.reveal().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
        assert_eq!(read_recovery_code(&Secret::new(sloppy)).unwrap(), read);
        let mut wrong = code.reveal().to_owned().into_bytes();
        wrong[0] = if wrong[0] == b'7' { b'8' } else { b'7' };
        assert_eq!(read_recovery_code(&Secret::new(String::from_utf8(wrong).unwrap())), Err(KeyError::Mistyped));
        assert_eq!(read_recovery_code(&Secret::new("")), Err(KeyError::Mistyped));
    }

    #[test]
    fn a_short_code_has_eighty_bits_and_survives_how_people_write() {
        let (code, other) = (new_short_code().unwrap(), new_short_code().unwrap());
        assert_ne!(code, other);
        assert_eq!(code.reveal().split('-').map(str::len).collect::<Vec<_>>(), [4; 4]);
        let read = read_short_code(&code).unwrap();
        assert_eq!(read.reveal(), code.reveal().replace('-', ""));
        let sloppy = code.reveal().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "i");
        assert_eq!(read_short_code(&Secret::new(sloppy)), Some(read));
        for wrong in ["", "123456", "ABCD-EFGH-JKMN-PQRU", "ABCD-EFGH-JKMN-PQRS-T"] {
            assert_eq!(read_short_code(&Secret::new(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn a_one_time_code_is_its_own_kind_of_code() {
        let (code, other) = (new_one_time_code().unwrap(), new_one_time_code().unwrap());
        assert_ne!(code, other);
        assert_eq!(code.reveal().split('-').map(str::len).collect::<Vec<_>>(), [4; 5]);
        let read = read_one_time_code(&Secret::new(code.reveal().to_lowercase().replace('-', " "))).unwrap();
        assert_eq!(read.reveal(), code.reveal().replace('-', ""));
        assert_ne!(one_time_hash(&read), one_time_hash(&read_one_time_code(&other).unwrap()));
        assert_eq!(read_recovery_code(&code), Err(KeyError::Mistyped));
        assert_eq!(read_one_time_code(&new_recovery_code().unwrap()), Err(KeyError::Mistyped));
    }

    #[test]
    fn a_proposed_passphrase_has_five_words() {
        let (one, other) = (propose_passphrase().unwrap(), propose_passphrase().unwrap());
        assert_eq!(one.reveal().split('-').count(), 5);
        assert_eq!(one.reveal().len(), 24);
        assert_ne!(one, other);
    }
}
