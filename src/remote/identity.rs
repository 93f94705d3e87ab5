//! How work is named to another process of the same executable: by the place of its [`Entry`].
#![allow(unsafe_code)]

use crate::{
    error::{CodecError, TaskError},
    sys::image::Image,
    task::Entry,
};

/// The fixed point from which places are counted. A static, not a function: a function can be compiled more than once.
static ANCHOR: u64 = 0x616e_6368_6f72;

/// The place of an entry, as it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryPlace {
    /// In bytes from the anchor.
    pub(crate) offset: i64,
    /// A hash of the work's name, which has to be the same on both sides.
    pub(crate) name: u64,
}

fn anchor() -> usize {
    (&raw const ANCHOR).addr()
}

/// FNV-1a. It guards against mistakes, not against attackers.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    })
}

/// Where `entry` lies.
///
/// # Errors
///
/// Fails if it lies outside the executable: a worker is the executable started again, and has no shared library that was
/// loaded later, or has it elsewhere.
pub(crate) fn place_of(entry: &'static Entry) -> Result<EntryPlace, TaskError> {
    let address = (&raw const *entry).addr();
    if !Image::main().contains(address, size_of::<Entry>()) {
        return Err(TaskError::Encode(CodecError::new(
            "the work",
            format!(
                "{} lies in a shared library, which a worker process does not have; work for processes must be \
                 compiled into the executable itself",
                (entry.name)()
            ),
        )));
    }
    Ok(EntryPlace {
        offset: i64::wrapping_sub(address.cast_signed() as i64, anchor().cast_signed() as i64),
        name: hash((entry.name)()),
    })
}

/// Whether this crate itself lies in the executable.
pub(crate) fn check_location() -> Result<(), &'static str> {
    if Image::main().contains(anchor(), size_of::<u64>()) {
        Ok(())
    } else {
        Err(
            "this code lies in a shared library, and a worker process is the executable started again, without \
             it; link the crate into the executable",
        )
    }
}

/// The entry at a place that another process named.
///
/// # Errors
///
/// Fails if there is none, or one of another name: the other process runs another executable, or sent garbage.
pub(crate) fn resolve(place: EntryPlace) -> Result<&'static Entry, TaskError> {
    let refused = |why: &str| {
        Err(TaskError::Decode(CodecError::new(
            "the work",
            format!("the worker has {why}; parent and worker must be the same build of the same executable"),
        )))
    };
    let address =
        usize::try_from(i64::wrapping_add(anchor().cast_signed() as i64, place.offset)).unwrap_or(0);
    if !address.is_multiple_of(align_of::<Entry>()) || !Image::main().contains(address, size_of::<Entry>()) {
        return refused("no code at the place that was named");
    }
    let pointer = std::ptr::with_exposed_provenance::<Entry>(address);
    // SAFETY: the bytes lie within one readable segment of the executable, aligned; any bytes are two numbers. The magic
    // is the first field of `Entry` only if the layout says so: its place is asked for.
    let magic = unsafe { pointer.byte_add(Entry::MAGIC_AT).cast::<[u64; 2]>().read() };
    if !Entry::is_genuine(magic) {
        return refused("something else at the place that was named");
    }
    // SAFETY: 128 bits that appear nowhere but in entries say that this is one; entries are constants of the
    // executable, which are never written and live as long as the process.
    let entry: &'static Entry = unsafe { &*pointer };
    if hash((entry.name)()) != place.name {
        return refused("other work at the place that was named");
    }
    Ok(entry)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Anywhere, EntryOf, Plain};

    fn double(n: u32) -> u32 {
        n * 2
    }

    fn entry_of<F: Fn(u32) -> u32 + Send + Sync + 'static>(_: F) -> &'static Entry {
        EntryOf::<Plain<F>, u32, u32, Anywhere>::CALL
    }

    #[test]
    fn an_entry_is_found_at_its_place() {
        let place = place_of(entry_of(double)).unwrap();
        let found = resolve(place).unwrap();
        assert!((found.name)().contains("double"));
    }

    #[test]
    fn forged_places_are_refused() {
        let place = place_of(entry_of(double)).unwrap();
        let forged = [
            EntryPlace {
                offset: place.offset + 8,
                ..place
            },
            EntryPlace {
                offset: place.offset + 1,
                ..place
            },
            EntryPlace { offset: 0, ..place },
            EntryPlace {
                offset: i64::MAX,
                ..place
            },
            EntryPlace {
                offset: i64::MIN,
                ..place
            },
            EntryPlace {
                name: place.name + 1,
                ..place
            },
        ];
        for place in forged {
            assert!(matches!(resolve(place), Err(TaskError::Decode(_))), "{place:?}");
        }
    }

    #[test]
    fn all_offsets_around_an_entry_are_refused_or_entries() {
        let place = place_of(entry_of(double)).unwrap();
        for offset in -4096..4096 {
            let near = EntryPlace {
                offset: place.offset + offset,
                ..place
            };
            assert_eq!(resolve(near).is_ok(), offset == 0, "{offset}");
        }
    }
}
