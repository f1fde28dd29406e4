//! Keeps what the process has in memory, keys above all, out of core files and out of other programs' reach.
//!
//! It does not protect from the administrator, nor from programs that take over the terminal; the README says so.
//!
//! Architecture invariant: this comes first in `main`, before anything secret can have been read.

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit,
};

/// Forbids core files, and makes the process unreadable for others of the same OS account: no `ptrace`, no
/// `/proc/PID/mem`. Programs started from here are ordinary again, except that they leave no core files either.
///
/// Both are needed: where `core_pattern` names a program, the kernel passes it the core whatever the limit, but never
/// that of a process which is not dumpable (core(5)). A sandbox may refuse either; the program works without, and
/// `holds` tells whoever writes the log.
pub fn harden() {
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Whether the process is as `harden` wants it.
#[must_use]
pub fn holds() -> bool {
    let unreadable = matches!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    getrlimit(Resource::Core).maximum == Some(0) && unreadable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hardened_process_leaves_no_core_and_cannot_be_read() {
        harden();
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        assert!(holds());
        set_dumpable_behavior(DumpableBehavior::Dumpable).unwrap();
        assert!(!holds());
        harden();
        assert!(holds());
    }
}
