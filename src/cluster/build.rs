//! What names a build: a hash of the executable's content, which is the same on every machine that has a copy of it.

use crate::sys::image;
use ring::digest::{Context, SHA256};
use std::{
    fs::File,
    io::{self, Read},
    sync::OnceLock,
};

/// Of the hash, so many bytes are enough to tell builds apart: 128 bits.
const BYTES: usize = 16;

/// The build that runs here, as 32 hexadecimal digits. The executable is read once.
///
/// # Errors
///
/// Fails if the executable cannot be read.
pub(crate) fn build_id() -> io::Result<&'static str> {
    static ID: OnceLock<String> = OnceLock::new();
    if let Some(id) = ID.get() {
        return Ok(id);
    }
    let id = hash(&mut File::open(image::path()?)?)?;
    Ok(ID.get_or_init(|| id))
}

fn hash(content: &mut impl Read) -> io::Result<String> {
    let mut hash = Context::new(&SHA256);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => hash.update(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let digest = hash.finish();
    Ok(hexadecimal(&digest.as_ref()[..BYTES]))
}

/// Two digits for each byte.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_content_is_another_build() {
        let of = |content: &[u8]| hash(&mut &content[..]).unwrap();
        assert_eq!(of(b"abc"), "ba7816bf8f01cfea414140de5dae2223");
        assert_ne!(of(b"abc"), of(b"abd"));
    }

    #[test]
    fn a_process_has_one_build() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(build_id().unwrap(), hash(&mut &own[..]).unwrap());
    }
}
