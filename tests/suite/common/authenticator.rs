//! An authenticator of the tests' own, which shares nothing with the program.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use ollamanet::api::auth::Secret;
use sha1::Sha1;

/// What a telephone would do with the secret it was shown.
pub struct Authenticator(pub Vec<u8>);

impl Authenticator {
    pub fn reading(letters: &Secret) -> Self {
        let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
        for letter in letters.reveal().chars().filter(|c| *c != ' ') {
            let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
            bits = bits << 5 | u32::try_from(value).unwrap();
            held += 5;
            if held >= 8 {
                held -= 8;
                bytes.push((bits >> held & 0xff) as u8);
            }
        }
        Self(bytes)
    }

    /// The code of a step so many after this one.
    pub fn code(&self, off: i64) -> Secret {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let step = (now / 30).cast_signed() + off;
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).unwrap();
        mac.update(&step.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let at = usize::from(digest[19] & 15);
        let number = u32::from_be_bytes(digest[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
        Secret::new(format!("{:06}", number % 1_000_000))
    }

    pub fn now(&self) -> Secret {
        self.code(0)
    }

    /// Six digits that are right at no time near now.
    pub fn wrong(&self) -> Secret {
        let near: Vec<Secret> = (-3..=3).map(|off| self.code(off)).collect();
        (0..20).map(|number| Secret::new(format!("{number:06}"))).find(|code| !near.contains(code)).unwrap()
    }
}
