//! A vault's key in memory: on a page of its own that is kept out of swap, wiped when the last holder lets go.
//!
//! Clones share the one copy. Nothing hands the bytes out by value, so that none stay behind on a stack.

use std::{
    fmt,
    ops::Deref,
    sync::{Arc, Once},
};

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// A database's key, raw: no key derivation inside SQLCipher.
#[derive(Clone)]
pub struct RawKey(Arc<Held>);

/// Dropped in this order: wiped, unlocked, given back.
struct Held {
    /// `None` where the system refuses; the key works all the same.
    in_memory: Option<region::LockGuard>,
    page: Box<Page>,
}

/// As large as the largest page of any machine this is built for: what is locked, and unlocked again, is whole pages, and
/// a neighbour's key must not lose its lock.
#[repr(C, align(65536))]
struct Page {
    key: [u8; 32],
}

impl RawKey {
    /// A key that `fill` writes into its place.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn filled<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut page = Box::new(Page { key: [0; 32] });
        let in_memory = region::lock(page.key.as_ptr(), page.key.len());
        if in_memory.is_err() {
            static SAID: Once = Once::new();
            SAID.call_once(|| {
                tracing::warn!("this system does not let the program keep keys out of swap (RLIMIT_MEMLOCK)");
            });
        }
        let filled = fill(&mut page.key);
        // Held from here on, so that it is wiped as well when it was filled half way.
        let key = Self(Arc::new(Held { in_memory: in_memory.ok(), page }));
        filled.map(|()| key)
    }

    /// These bytes as a key. Whoever has them wipes them.
    #[must_use]
    pub fn copied(bytes: &[u8; 32]) -> Self {
        let filled = Self::filled(|key| {
            key.copy_from_slice(bytes);
            Ok::<(), std::convert::Infallible>(())
        });
        match filled {
            Ok(key) => key,
            Err(never) => match never {},
        }
    }

    /// Whether the system keeps it out of swap.
    #[must_use]
    pub fn is_kept_in_memory(&self) -> bool {
        self.0.in_memory.is_some()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Before the fields go, and with them the lock.
        self.page.key.zeroize();
    }
}

impl Deref for RawKey {
    type Target = [u8; 32];

    fn deref(&self) -> &[u8; 32] {
        &self.0.page.key
    }
}

impl PartialEq for RawKey {
    fn eq(&self, other: &Self) -> bool {
        bool::from(self.as_slice().ct_eq(other.as_slice()))
    }
}

impl Eq for RawKey {}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RawKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How much of this process's memory the kernel keeps out of swap, KiB.
    fn locked() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn a_key_is_kept_in_memory_once_however_many_hold_it_and_let_go_with_the_last() {
        let before = locked();
        let key = RawKey::copied(&[7; 32]);
        if !key.is_kept_in_memory() {
            // A system that refuses: the key works all the same.
            assert_eq!(*key, [7; 32]);
            return;
        }
        let with_one = locked();
        assert!(with_one > before);
        let (other, clone) = (RawKey::copied(&[8; 32]), key.clone());
        assert!(locked() > with_one, "a key of its own has a page of its own");
        drop(key);
        assert_eq!((*clone, *other), ([7; 32], [8; 32]));
        drop((clone, other));
        assert_eq!(locked(), before);
    }

    #[test]
    fn a_key_is_never_printed_and_compares_by_its_bytes() {
        let key = RawKey::copied(&[7; 32]);
        assert_eq!(format!("{key:?}"), "RawKey(…)");
        assert_eq!(key, RawKey::copied(&[7; 32]));
        assert_ne!(key, RawKey::copied(&[8; 32]));
        assert_eq!(RawKey::filled(|_| Err("no")), Err("no"));
    }
}
