//! Names that nobody else has, on whatever machine: of clients, workers and unfinished payloads.

use super::build::hexadecimal;
use crate::sys::clock;
use ring::rand::{SecureRandom, SystemRandom};

/// Letters and digits.
pub(super) fn fresh_name() -> String {
    let mut bytes = [0; 12];
    if SystemRandom::new().fill(&mut bytes).is_err() {
        // No two processes of a machine have the same at the same time.
        bytes[..4].copy_from_slice(&std::process::id().to_le_bytes());
        bytes[4..].copy_from_slice(&clock::precise().to_le_bytes());
    }
    hexadecimal(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let names: std::collections::BTreeSet<_> = (0..1_000).map(|_| fresh_name()).collect();
        assert_eq!(names.len(), 1_000);
        assert!(
            names
                .iter()
                .all(|name| name.len() == 24 && name.chars().all(|c| c.is_ascii_hexdigit()))
        );
    }
}
