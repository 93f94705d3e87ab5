//! LEB128: seven bits a byte, lowest first, the top bit says that more follow.

/// The most bytes a `u64` takes.
pub(crate) const MAX_LEN: usize = 10;

#[inline]
pub(crate) fn write(mut value: u64, out: &mut Vec<u8>) {
    // Asked for once, so that no byte has to.
    out.reserve(MAX_LEN);
    while value >= 0x80 {
        out.push(low_bits(value) | 0x80);
        value >>= 7;
    }
    out.push(low_bits(value));
}

#[inline]
fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

pub(crate) enum Fault {
    Truncated,
    Overflow,
}

/// Reads a number and says how many bytes it took.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Result<(u64, usize), Fault> {
    let mut value = 0u64;
    for (i, &byte) in bytes.iter().take(MAX_LEN).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit only: 9 * 7 = 63.
        if i == MAX_LEN - 1 && byte > 1 {
            return Err(Fault::Overflow);
        }
        value |= bits << (7 * i);
        if byte & 0x80 == 0 {
            return Ok((value, i + 1));
        }
    }
    if bytes.len() >= MAX_LEN {
        Err(Fault::Overflow)
    } else {
        Err(Fault::Truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, MAX_LEN, read, write};

    #[test]
    fn edges_come_back() {
        for shift in 0..64 {
            for value in [
                (1u64 << shift) - 1,
                1 << shift,
                (1 << shift) + 1,
                u64::MAX - (1 << shift),
            ] {
                let mut out = Vec::new();
                write(value, &mut out);
                assert!(out.len() <= MAX_LEN);
                assert!(matches!(read(&out), Ok((back, used)) if back == value && used == out.len()));
                assert!(matches!(read(&out[..out.len() - 1]), Err(Fault::Truncated)));
            }
        }
    }

    #[test]
    fn a_sixty_fifth_bit_is_refused() {
        let mut bytes = [0xff; MAX_LEN];
        bytes[MAX_LEN - 1] = 1;
        assert!(matches!(read(&bytes), Ok((u64::MAX, MAX_LEN))));
        bytes[MAX_LEN - 1] = 2;
        assert!(matches!(read(&bytes), Err(Fault::Overflow)));
        assert!(matches!(read(&[0x80; 20]), Err(Fault::Overflow)));
    }
}
