//! The promises of `image.rs`.

use super::*;

static CONSTANT: [u8; 4] = [1, 2, 3, 4];

#[test]
fn constants_and_code_are_in_the_image_and_heap_and_stack_are_not() {
    let image = Image::main();
    let local = 0u8;
    let heap = Box::new(0u8);
    assert!(image.contains((&raw const CONSTANT).addr(), 4));
    assert!(image.contains(identity as fn() -> _ as usize, 1));
    assert!(!image.contains((&raw const local).addr(), 1));
    assert!(!image.contains((&raw const *heap).addr(), 1));
    assert!(!image.contains(0, 0));
}

#[test]
fn a_range_must_lie_in_one_segment() {
    let image = Image::main();
    assert!(image.start() < image.end());
    assert!(image.contains(image.start(), 1));
    assert!(!image.contains(image.start(), image.end() - image.start() + 1));
    assert!(!image.contains(image.start(), usize::MAX));
    assert!(!image.contains(image.end(), 0));
    let mut two = Image::default();
    two.add(10, 10, true);
    two.add(20, 10, true);
    two.add(30, 10, false);
    assert!(two.contains(10, 10) && two.contains(20, 10));
    assert!(!two.contains(15, 10), "over the border of two");
    assert!(!two.contains(30, 1), "not readable");
}

#[test]
fn the_identity_stays_and_the_path_leads_to_this_file() {
    assert_eq!(identity().unwrap(), identity().unwrap());
    let (here, there) = (
        fs::metadata(path().unwrap()).unwrap(),
        fs::metadata(std::env::current_exe().unwrap()).unwrap(),
    );
    assert_eq!((here.dev(), here.ino()), (there.dev(), there.ino()));
    assert_eq!(identity().unwrap()[16..24], here.size().to_le_bytes());
}

#[cfg(target_os = "linux")]
#[test]
fn a_build_id_is_found_behind_other_notes_and_a_cut_note_is_none() {
    let mut notes = Vec::new();
    for (kind, content) in [(5u32, &[9u8; 5][..]), (3, &[7, 8, 9])] {
        notes.extend(4u32.to_ne_bytes());
        notes.extend(u32::try_from(content.len()).unwrap().to_ne_bytes());
        notes.extend(kind.to_ne_bytes());
        notes.extend(b"GNU\0");
        notes.extend(content);
        notes.resize(notes.len().next_multiple_of(4), 0);
    }
    assert_eq!(system::build_id(&notes, 4), Some(&[7, 8, 9][..]));
    for cut in 0..notes.len() - 1 {
        assert_eq!(system::build_id(&notes[..cut], 4), None);
    }
}
