//! The second factor: time-based codes (RFC 6238) and the recovery codes beside them.
//!
//! Its secret is sealed with the vault's key, so that it can be read only after the passphrase has opened that. In Solo
//! mode it guards this program's door and not the files: whoever has the files and the passphrase needs no door.
//!
//! Invariants: a try is counted before it is looked at, under a name of its own that nothing but a right code or an
//! administrator clears; a code is used up in the transaction that it lets through; adding and removing a factor ends
//! every other session and token, which were let in under other rules.

use zeroize::Zeroizing;

use super::{Accounts, changed_meanwhile, key_fault, one_time};
use crate::{
    access::{Caller, Member, Visitor},
    api::{
        AccountId, Fault, FaultKind, SessionId,
        auth::{HalfWay, Secret, SignedIn},
        profile::Enrolment,
    },
    store::{
        Tx,
        keys::{self, KeyError},
        open::RawKey,
        system::{
            Moment,
            accounts::{self, AccountRow},
            audit, policy, second_factors,
            throttle::{self, Tried},
        },
    },
};

/// What the secret is sealed for.
const PURPOSE: &str = "second factor";
/// Recovery codes of a second factor.
const CODES: usize = 10;

/// What a right code was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Step,
    /// One of the recovery codes; and whether the vault's key still opens the authenticator's secret.
    RecoveryCode {
        is_readable: bool,
    },
}

impl Accounts {
    /// The second half of a sign-in.
    pub async fn second_factor(&self, _by: Visitor, half: &HalfWay, code: &Secret) -> Result<SignedIn, Fault> {
        let waiting = self.0.half_ways.take(half)?;
        let name = waiting.entrance.found.account.name.clone();
        let tried =
            self.try_second_factor(&name, "auth.second_factor", self.let_in(&waiting.entrance, Some(code))).await;
        if tried.is_err() {
            self.0.half_ways.put_back(half, waiting);
        }
        tried
    }

    pub async fn begin_second_factor(&self, by: Caller<Member>) -> Result<Enrolment, Fault> {
        let account = by.account;
        let (row, there) = self
            .0
            .system
            .read(move |tx| {
                let row = accounts::by_id(tx, account)?.ok_or_else(Fault::signed_out)?;
                Ok::<_, Fault>((row, second_factors::of(tx, account)?.is_some()))
            })
            .await?;
        if there {
            return Err(already());
        }
        let secret = keys::random::<{ one_time::SECRET_BYTES }>().map_err(key_fault)?;
        let letters = one_time::base32(&*secret);
        // A name needs no escaping: it has no other characters than a URI's own (`check_name`).
        let uri = Zeroizing::new(format!(
            "otpauth://totp/OllamaNet:{}?secret={}&issuer=OllamaNet&algorithm=SHA1&digits=6&period=30",
            row.name, *letters
        ));
        let mut grouped = Zeroizing::new(String::with_capacity(letters.len() * 5 / 4 + 1));
        for (at, letter) in letters.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(letter);
        }
        self.0.live.propose_factor(by.session, secret);
        Ok(Enrolment { uri: Secret::new(uri.as_str()), secret: Secret::new(grouped.as_str()) })
    }

    pub async fn add_second_factor(&self, by: Caller<Member>, code: &Secret) -> Result<Vec<Secret>, Fault> {
        let Some(secret) = self.0.live.proposed_factor(by.session) else {
            return Err(Fault::new(FaultKind::Conflict, "No second factor was proposed in this session.")
                .hint("Begin again, and read the new secret with your authenticator."));
        };
        // Whoever adds it was just shown the secret, so there is nothing to guess and no try to count.
        let step = one_time::accepted(&*secret, code, Moment::clock(), i64::MIN).ok_or_else(|| {
            Fault::new(FaultKind::WrongCredentials, "That is not the code of the new second factor.").hint(
                "Check that this machine and the authenticator show the same time, and type the code it shows now.",
            )
        })?;
        let data_key = self.0.live.data_key(by.session).ok_or_else(Fault::signed_out)?;
        let sealed = keys::seal_with(&data_key, by.account, PURPOSE, &*secret).map_err(key_fault)?;
        let (codes, shown) = new_codes()?;
        let (account, session) = (by.account, by.session);
        self.0
            .system
            .write(move |tx| {
                let moment = Moment::here();
                let row = accounts::by_id(tx, account)?.ok_or_else(Fault::signed_out)?;
                if second_factors::of(tx, account)?.is_some() {
                    return Err(already());
                }
                second_factors::insert(tx, account, &sealed, step, &codes, moment.now)?;
                throttle::forgive(tx, &Tried::SecondFactor.of(&row.name), &moment)?;
                super::end_others(tx, account, Some(session), "A second factor was added.", moment.now)?;
                audit::append(tx, &moment, Some(account), "second_factor.add", &row.name, "ok")?;
                Ok(())
            })
            .await?;
        self.0.live.drop_proposed_factor(session);
        self.forget_useless_token(account).await;
        Ok(shown)
    }

    pub async fn remove_second_factor(&self, by: Caller<Member>, code: &Secret) -> Result<(), Fault> {
        self.with_code(&by, code, "second_factor.remove", |tx, row, session, moment| {
            if policy::current(tx)?.second_factor.demands_from(row.rank) {
                return Err(Fault::new(FaultKind::Denied, "This installation asks for a second factor.")
                    .hint("An administrator can change that rule; new recovery codes can be had at any time."));
            }
            second_factors::remove(tx, row.id)?;
            super::end_others(tx, row.id, Some(session), "The second factor was removed.", moment.now)?;
            Ok(())
        })
        .await?;
        self.forget_useless_token(by.account).await;
        Ok(())
    }

    pub async fn new_second_factor_codes(&self, by: Caller<Member>, code: &Secret) -> Result<Vec<Secret>, Fault> {
        let (codes, shown) = new_codes()?;
        self.with_code(&by, code, "second_factor.new_codes", move |tx, row, _, _| {
            Ok(second_factors::replace_codes(tx, row.id, &codes)?)
        })
        .await?;
        Ok(shown)
    }

    /// Changes something about the second factor if the code is right, in one transaction with the code's use.
    async fn with_code(
        &self,
        by: &Caller<Member>,
        code: &Secret,
        action: &'static str,
        change: impl FnOnce(&Tx<'_>, &AccountRow, SessionId, &Moment) -> Result<(), Fault> + Send + 'static,
    ) -> Result<(), Fault> {
        let (account, session, code) = (by.account, by.session, code.clone());
        let data_key = self.0.live.data_key(session).ok_or_else(Fault::signed_out)?;
        let row = self
            .0
            .system
            .read(move |tx| {
                let row = accounts::by_id(tx, account)?.ok_or_else(Fault::signed_out)?;
                match second_factors::of(tx, account)? {
                    Some(_) => Ok(row),
                    None => Err(Fault::not_found("second factor").hint("This account has none; you can add one.")),
                }
            })
            .await?;
        let name = row.name.clone();
        let work = self.0.system.write(move |tx| {
            let moment = Moment::here();
            spend(tx, account, &data_key, &code, &moment)?;
            throttle::forgive(tx, &Tried::SecondFactor.of(&row.name), &moment)?;
            change(tx, &row, session, &moment)?;
            audit::append(tx, &moment, Some(account), action, &row.name, "ok")?;
            Ok(())
        });
        self.try_second_factor(&name, action, work).await
    }

    /// Counts a try before it is looked at, and writes a wrong one down.
    async fn try_second_factor<T>(
        &self,
        name: &str,
        action: &'static str,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        self.count_attempt(&Tried::SecondFactor.of(name), action).await.map_err(|fault| match fault.kind {
            FaultKind::Denied => fault.hint("Ask an administrator to unlock your account."),
            _ => fault,
        })?;
        let done = work.await;
        if done.as_ref().is_err_and(|fault| fault.kind == FaultKind::WrongCredentials) {
            self.note_failure(name, action).await;
        }
        done
    }
}

/// Uses a code up, if it is right.
pub(super) fn spend(
    tx: &Tx<'_>,
    account: AccountId,
    data_key: &RawKey,
    typed: &Secret,
    moment: &Moment,
) -> Result<Spent, Fault> {
    let factor = second_factors::of(tx, account)?.ok_or_else(changed_meanwhile)?;
    let secret = match keys::unseal_with(data_key, account, PURPOSE, &factor.secret) {
        Ok(secret) => Some(secret),
        Err(KeyError::Wrong) => None,
        Err(why @ (KeyError::Cost | KeyError::Random | KeyError::Mistyped)) => return Err(key_fault(why)),
    };
    if one_time::read(typed).is_some() {
        let secret = secret.ok_or_else(|| {
            wrong_code()
                .hint("The authenticator's secret went with the old vault: use one of the factor's recovery codes.")
        })?;
        let step = one_time::accepted(&secret, typed, moment.now, factor.last_step).ok_or_else(wrong_code)?;
        return if second_factors::use_step(tx, account, step)? { Ok(Spent::Step) } else { Err(wrong_code()) };
    }
    let code = keys::read_short_code(typed).ok_or_else(wrong_code)?;
    if !second_factors::use_code(tx, account, &code, moment.now)? {
        return Err(wrong_code());
    }
    Ok(Spent::RecoveryCode { is_readable: secret.is_some() })
}

/// Lets a code through at the door, and tidies up after a factor that nobody can use any more.
pub(super) fn pass(
    tx: &Tx<'_>,
    row: &AccountRow,
    data_key: &RawKey,
    typed: &Secret,
    moment: &Moment,
) -> Result<(), Fault> {
    match spend(tx, row.id, data_key, typed, moment)? {
        Spent::Step => {}
        Spent::RecoveryCode { is_readable: true } => {
            audit::append(tx, moment, Some(row.id), "second_factor.code_used", &row.name, "ok")?;
        }
        Spent::RecoveryCode { is_readable: false } => {
            second_factors::remove(tx, row.id)?;
            let told = "Your second factor went with the old vault, so it was removed: add it again.";
            accounts::add_notice(tx, row.id, told, moment.now)?;
            audit::append(tx, moment, Some(row.id), "second_factor.remove", &row.name, "unreadable")?;
        }
    }
    throttle::forgive(tx, &Tried::SecondFactor.of(&row.name), moment)?;
    Ok(())
}

/// Seals the secret for another vault of the account, so that its codes go on being accepted there. One that the present
/// vault cannot read may be the other one's own, and stays.
pub(super) fn seal_anew(tx: &Tx<'_>, account: AccountId, before: &RawKey, after: &RawKey) -> Result<(), Fault> {
    let Some(factor) = second_factors::of(tx, account)? else { return Ok(()) };
    match keys::unseal_with(before, account, PURPOSE, &factor.secret) {
        Ok(secret) => {
            let sealed = keys::seal_with(after, account, PURPOSE, &secret).map_err(key_fault)?;
            Ok(second_factors::set_secret(tx, account, &sealed)?)
        }
        Err(KeyError::Wrong) => Ok(()),
        Err(why @ (KeyError::Cost | KeyError::Random | KeyError::Mistyped)) => Err(key_fault(why)),
    }
}

/// Recovery codes as they are compared, and as they are shown.
fn new_codes() -> Result<(Vec<Secret>, Vec<Secret>), Fault> {
    let mut read = Vec::with_capacity(CODES);
    let mut shown = Vec::with_capacity(CODES);
    while shown.len() < CODES {
        let code = keys::new_short_code().map_err(key_fault)?;
        read.extend(keys::read_short_code(&code));
        shown.push(code);
    }
    Ok((read, shown))
}

fn already() -> Fault {
    Fault::new(FaultKind::Conflict, "This account has a second factor already.")
        .hint("Remove it first, if you want another one.")
}

fn wrong_code() -> Fault {
    Fault::new(FaultKind::WrongCredentials, "That code is wrong, or it has been used.")
        .hint("Wait for the authenticator's next code, or use one of the second factor's recovery codes.")
}
