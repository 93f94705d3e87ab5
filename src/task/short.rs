//! Small results, one behind the other: so they come from a worker, and so they wait until they are yielded.
//!
//! Each is a head of eight bytes and the encoded value, filled up to a multiple of eight.

/// The head: the length of the whole in four bytes, [`MARK`], a byte of no use, the length of the value in two.
pub(crate) const HEAD: usize = 8;

/// What tells a short result from other messages, as the fifth byte.
pub(crate) const MARK: u8 = 0xFE;

/// A result up to this size is short.
pub(crate) const LONGEST: usize = 4096;

/// How long the whole is.
#[inline]
pub(crate) const fn length(value: usize) -> usize {
    HEAD + value.next_multiple_of(8)
}

/// The head of a value of so many bytes, at most [`LONGEST`].
#[inline]
#[allow(clippy::cast_possible_truncation)] // Both are small.
pub(crate) fn head(value: usize) -> [u8; HEAD] {
    debug_assert!(value <= LONGEST);
    (length(value) as u64 | u64::from(MARK) << 32 | (value as u64) << 48).to_le_bytes()
}

/// Splits the first value off. `None` if the bytes do not hold one.
#[inline]
pub(crate) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, _) = bytes.split_first_chunk()?;
    let head = u64::from_le_bytes(*head);
    let (whole, value) = ((head & 0xFFFF_FFFF) as usize, (head >> 48) as usize);
    let is_one = (head >> 32) & 0xFF == u64::from(MARK) && whole == length(value);
    if !is_one || whole > bytes.len() {
        return None;
    }
    let (this, rest) = bytes.split_at(whole);
    Some((&this[HEAD..HEAD + value], rest))
}

/// Appends a value of at most [`LONGEST`] bytes.
pub(crate) fn push(bytes: &mut Vec<u8>, value: &[u8]) {
    let whole = bytes.len() + length(value.len());
    bytes.extend_from_slice(&head(value.len()));
    bytes.extend_from_slice(value);
    bytes.resize(whole, 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_where_they_were_joined() {
        let long = vec![7; LONGEST];
        let values = [&b"one"[..], b"", b"12345678", &long];
        let mut bytes = Vec::new();
        for value in values {
            push(&mut bytes, value);
        }
        let mut rest = &bytes[..];
        for value in values {
            let (found, behind) = split(rest).unwrap();
            assert_eq!(found, value);
            rest = behind;
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn what_is_none_is_not_split() {
        let mut bytes = Vec::new();
        push(&mut bytes, b"value");
        assert!(split(&bytes[..bytes.len() - 1]).is_none() && split(&bytes[..7]).is_none());
        for (at, byte) in [(0, 8), (0, 15), (1, 1), (4, 0), (6, 9), (7, 1)] {
            let mut wrong = bytes.clone();
            wrong[at] = byte;
            assert!(split(&wrong).is_none(), "{at}");
        }
    }
}
