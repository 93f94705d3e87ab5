//! The main executable: where it lies in memory, which build it is, and how to start it again.
//!
//! Parent and worker run the same executable, but each at an address of its own choice. So an address travels as its
//! distance from [`Image::start`], and the receiver checks that it [`contains`](Image::contains) what it finds there.
#![allow(unsafe_code)]

use std::{fs, io, os::unix::fs::MetadataExt, path::PathBuf, sync::OnceLock};

/// More segments than a linker makes. Those beyond are not counted: an address there is refused, not misread.
const SEGMENTS: usize = 16;

/// The readable segments of the main program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Image {
    start: usize,
    end: usize,
    readable: [(usize, usize); SEGMENTS],
    count: usize,
    /// FNV-1a of the build id, or of nothing if there is none.
    build: u64,
}

impl Image {
    /// The image of the program that runs here.
    pub(crate) fn main() -> &'static Image {
        static MAIN: OnceLock<Image> = OnceLock::new();
        MAIN.get_or_init(|| {
            let mut image = Image {
                start: usize::MAX,
                build: fnv(FNV, &[]),
                ..Image::default()
            };
            system::look(&mut image);
            if image.start > image.end {
                image.start = image.end;
            }
            image
        })
    }

    /// The lowest address.
    #[cfg(test)]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The first address past the image.
    #[cfg(test)]
    pub(crate) fn end(&self) -> usize {
        self.end
    }

    /// Whether `len` bytes from `address` on lie wholly in one readable segment. Between two segments may be a gap.
    pub(crate) fn contains(&self, address: usize, len: usize) -> bool {
        address.checked_add(len).is_some_and(|past| {
            self.readable[..self.count]
                .iter()
                .any(|&(start, end)| start <= address && address < end && past <= end)
        })
    }

    fn add(&mut self, start: usize, len: usize, readable: bool) {
        let end = start.saturating_add(len);
        self.start = self.start.min(start);
        self.end = self.end.max(end);
        if readable && self.count < SEGMENTS {
            self.readable[self.count] = (start, end);
            self.count += 1;
        }
    }
}

/// What tells two builds of the executable apart. It guards against mistakes, not against attackers: two different
/// builds may not be mixed, and whoever could fake this could do worse.
///
/// | bytes | little-endian |
/// |---|---|
/// | 0..8 | FNV-1a of the GNU build id; of nothing if there is none |
/// | 8..16 | FNV-1a of device and inode |
/// | 16..24 | size in bytes |
/// | 24..32 | time of the last change in ns since 1970, modulo 2⁶⁴ |
pub(crate) fn identity() -> io::Result<[u8; 32]> {
    let file = fs::metadata(path()?)?;
    let place = fnv(fnv(FNV, &file.dev().to_le_bytes()), &file.ino().to_le_bytes());
    let changed = file
        .mtime()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(file.mtime_nsec());
    let mut identity = [0; 32];
    identity[..8].copy_from_slice(&Image::main().build.to_le_bytes());
    identity[8..16].copy_from_slice(&place.to_le_bytes());
    identity[16..24].copy_from_slice(&file.size().to_le_bytes());
    identity[24..].copy_from_slice(&changed.to_le_bytes());
    Ok(identity)
}

/// What to start to get the same executable again. On Linux the name leads to the file that runs, even when another
/// one has taken its place on the disk, as a build or a package manager does.
pub(crate) fn path() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(target_os = "linux")]
mod system {
    use super::{FNV, Image, fnv};
    use std::{
        ffi::{c_int, c_void},
        slice,
    };

    pub(super) fn look(image: &mut Image) {
        // SAFETY: the callback has the type asked for, and does not unwind: it makes no bounds error and
        // allocates nothing. `image` is valid and not used by others until the call is over.
        unsafe {
            libc::dl_iterate_phdr(Some(see), (&raw mut *image).cast());
        }
    }

    extern "C" fn see(info: *mut libc::dl_phdr_info, _size: usize, data: *mut c_void) -> c_int {
        // SAFETY: the loader gives a valid description for the time of the call; `data` is the image that
        // `look` handed in and lent to nobody else.
        let (info, image) = unsafe { (&*info, &mut *data.cast::<Image>()) };
        if info.dlpi_phdr.is_null() {
            return 1;
        }
        // SAFETY: the loader gives so many headers there; they stay while the main program is loaded, which is
        // always, and nobody writes to them.
        let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        // On a 32-bit system the fields are of 32 bits, here they fit.
        #[allow(clippy::cast_possible_truncation)]
        let place = |address, len| ((info.dlpi_addr.wrapping_add(address)) as usize, len as usize);
        for header in headers.iter().filter(|header| header.p_type == libc::PT_LOAD) {
            let (start, len) = place(header.p_vaddr, header.p_memsz);
            image.add(start, len, header.p_flags & libc::PF_R != 0);
        }
        for header in headers.iter().filter(|header| header.p_type == libc::PT_NOTE) {
            let (start, len) = place(header.p_vaddr, header.p_memsz);
            if !image.contains(start, len) {
                continue;
            }
            // SAFETY: the range lies in a readable segment of the main program, as just checked; notes are not
            // written to.
            let notes = unsafe { slice::from_raw_parts(start as *const u8, len) };
            let align = if header.p_align == 8 { 8 } else { 4 };
            if let Some(id) = build_id(notes, align) {
                image.build = fnv(FNV, id);
            }
        }
        // The main program comes first, the others do not matter.
        1
    }

    const NT_GNU_BUILD_ID: u32 = 3;

    /// The build id in a note segment: a row of (name length, content length, type, name, content), the last two
    /// padded to `align`.
    pub(super) fn build_id(mut notes: &[u8], align: usize) -> Option<&[u8]> {
        let number = |at: usize, notes: &[u8]| {
            notes
                .get(at..at + 4)
                .and_then(|bytes| bytes.try_into().ok())
                .map(u32::from_ne_bytes)
        };
        loop {
            let (name, content) = (number(0, notes)? as usize, number(4, notes)? as usize);
            let kind = number(8, notes)?;
            let begin = 12usize.checked_add(name)?.checked_next_multiple_of(align)?;
            let end = begin.checked_add(content)?;
            if kind == NT_GNU_BUILD_ID && notes.get(12..12 + name) == Some(b"GNU\0") {
                return notes.get(begin..end);
            }
            notes = notes.get(end.checked_next_multiple_of(align)?..)?;
        }
    }
}

#[cfg(target_os = "macos")]
mod system {
    use super::Image;

    const LC_SEGMENT_64: u32 = 0x19;
    const READABLE: i32 = 1;

    // The types are only deprecated in favour of a crate of its own. Addresses are of 64 bits in such a file, and what
    // is cast is read unaligned.
    #[allow(deprecated, clippy::cast_possible_truncation, clippy::cast_ptr_alignment)]
    pub(super) fn look(image: &mut Image) {
        // SAFETY: no conditions; image 0 is the main program, which is never unloaded.
        let header = unsafe { libc::_dyld_get_image_header(0) }.cast::<libc::mach_header_64>();
        if header.is_null() {
            return;
        }
        // SAFETY: the loader keeps a valid header there for as long as the program runs.
        let commands = unsafe { (*header).ncmds };
        // SAFETY: the load commands follow the header in the same segment.
        let first = unsafe { header.add(1) }.cast::<u8>();
        let mut slide = None;
        // The text segment begins with the header and comes before those with data; `__PAGEZERO`, before it, is not
        // readable and no part of the image.
        let mut command = first;
        for _ in 0..commands {
            // SAFETY: `ncmds` commands lie there, each as long as its `cmdsize` says; their alignment is 8.
            let [kind, size] = unsafe { command.cast::<[u32; 2]>().read_unaligned() };
            if kind == LC_SEGMENT_64 {
                // SAFETY: a command of this kind is such a structure.
                let segment = unsafe { command.cast::<libc::segment_command_64>().read_unaligned() };
                let begins = segment.vmaddr as usize;
                if segment.fileoff == 0 && segment.filesize > 0 {
                    slide = Some(header.addr().wrapping_sub(begins));
                }
                if let Some(slide) = slide.filter(|_| segment.initprot & READABLE != 0) {
                    image.add(begins.wrapping_add(slide), segment.vmsize as usize, true);
                }
            }
            // SAFETY: as above: the next command, or the end of the last.
            command = unsafe { command.add(size as usize) };
        }
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod system {
    pub(super) fn look(_image: &mut super::Image) {}
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
