//! Every example in `README.md` is what the writer writes, and every rule there has a tag or a line here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::tag;
use super::{decode, write};

const SPECIFICATION: &str = include_str!("../README.md");

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Point {
    x: u8,
    y: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Shape {
    Dot,
    Disc(u8),
    Box(u8, u8),
    Ring { r: u8 },
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Checks that the specification shows these bytes next to this value.
#[track_caller]
fn example(shown: &str, value: &(impl Serialize + ?Sized)) {
    let row = format!("| `{shown}` | `{}` |", hex(&write(value)));
    assert!(SPECIFICATION.contains(&row), "the specification lacks: {row}");
}

#[test]
fn the_examples_hold() {
    example("None::<u8>", &None::<u8>);
    example("Some(5u8)", &Some(5u8));
    example("()", &());
    example("false", &false);
    example("true", &true);
    example("300u16", &300u16);
    example("-300i16", &-300i16);
    example("u128::MAX", &u128::MAX);
    example("i128::MIN", &i128::MIN);
    example("1.5f32", &1.5f32);
    example("1.5f64", &1.5f64);
    example("\"hé\"", "hé");
    example("'c'", &'c');
    example("Bytes::new(&[1, 2])", serde_bytes::Bytes::new(&[1, 2]));
    example("(1u8, \"a\")", &(1u8, "a"));
    example("vec![1u16, 2]", &vec![1u16, 2]);
    example("vec![true, false]", &vec![true, false]);
    example("Vec::<u8>::new()", &Vec::<u8>::new());
    example("BTreeMap::from([(1u8, \"a\")])", &BTreeMap::from([(1u8, "a")]));
    example("Point { x: 1, y: 2 }", &Point { x: 1, y: 2 });
    example(
        "[Point { x: 1, y: 2 }, Point { x: 3, y: 4 }]",
        &[Point { x: 1, y: 2 }, Point { x: 3, y: 4 }],
    );
    example("Shape::Dot", &Shape::Dot);
    example("Shape::Disc(5)", &Shape::Disc(5));
    example("Shape::Box(1, 2)", &Shape::Box(1, 2));
    example("Shape::Ring { r: 7 }", &Shape::Ring { r: 7 });
}

#[test]
fn every_tag_is_specified() {
    for (name, value) in [
        ("NONE", tag::NONE),
        ("SOME", tag::SOME),
        ("UNIT", tag::UNIT),
        ("FALSE", tag::FALSE),
        ("TRUE", tag::TRUE),
        ("UINT", tag::UINT),
        ("NINT", tag::NINT),
        ("U128", tag::U128),
        ("I128", tag::I128),
        ("F32", tag::F32),
        ("F64", tag::F64),
        ("STR", tag::STR),
        ("BYTES", tag::BYTES),
        ("SEQ", tag::SEQ),
        ("MAP", tag::MAP),
        ("UNIT_VARIANT", tag::UNIT_VARIANT),
        ("VARIANT", tag::VARIANT),
        ("RUN", tag::RUN),
        ("END", tag::END),
        ("NAME_NEW", tag::NAME_NEW),
        ("NAME_REF", tag::NAME_REF),
    ] {
        let row = format!("| `{value:02x}` | `{name}` |");
        assert!(SPECIFICATION.contains(&row), "the specification lacks: {row}");
    }
}

#[test]
fn every_kind_of_run_is_specified() {
    macro_rules! kinds {
        ($($number:ty)*) => {$({
            let bytes = write(&vec![<$number>::default()]);
            let row = format!("| {} | `{}` | {} |", bytes[2], stringify!($number), size_of::<$number>());
            assert!(SPECIFICATION.contains(&row), "the specification lacks: {row}");
        })*};
    }
    kinds! { u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64 bool }
    assert_eq!(write(&vec![1usize, 2]), write(&vec![1u64, 2]));
    assert_eq!(write(&vec![1isize, 2]), write(&vec![1i64, 2]));
}

#[test]
fn a_run_has_one_length_however_it_was_written() {
    /// Hands the elements over one at a time.
    struct OneByOne<'a>(&'a [u16]);
    impl Serialize for OneByOne<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut seq = serializer.serialize_seq(None)?;
            self.0
                .iter()
                .try_for_each(|element| seq.serialize_element(element))?;
            seq.end()
        }
    }
    /// An iterator that knows nothing about its length.
    struct Unsized<'a>(&'a [u16]);
    impl Serialize for Unsized<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.iter().filter(|_| true))
        }
    }
    for len in [0u16, 1, 127, 128, 2047, 2048, 2049, 16383, 16384, 20000] {
        let numbers: Vec<u16> = (0..len).collect();
        let bytes = write(&numbers);
        assert_eq!(write(&OneByOne(&numbers)), bytes, "{len}");
        assert_eq!(write(&Unsized(&numbers)), bytes, "{len}");
        assert_eq!(decode::<Vec<u16>>(&bytes).unwrap(), numbers);
    }
}

#[test]
fn runs_stand_among_other_elements() {
    // 1, "a", 2, 3: no writer makes this from a vector, but a tuple of sixteen and a sequence by hand may.
    let bytes = [
        tag::SEQ,
        tag::RUN,
        0,
        1,
        1,
        tag::STR,
        1,
        b'a',
        tag::RUN,
        6,
        2,
        2,
        0,
        0xff,
        0xff,
        tag::END,
    ];
    let expected = serde_json::json!([1, "a", 2, -1]);
    assert_eq!(decode::<serde_json::Value>(&bytes).unwrap(), expected);
    let two_runs = [tag::SEQ, tag::RUN, 0, 1, 1, tag::RUN, 0, 2, 2, 3, tag::END];
    assert_eq!(decode::<Vec<u8>>(&two_runs).unwrap(), [1, 2, 3]);
    assert_eq!(decode::<(u8, u8, u8)>(&two_runs).unwrap(), (1, 2, 3));
    assert!(decode::<(u8, u8)>(&two_runs).is_err());
}

#[test]
fn names_cross_once() {
    let points: Vec<Point> = (0..100).map(|x| Point { x, y: 0 }).collect();
    // Nine bytes a point, and four for each of the two names the first time: a byte longer than the reference.
    assert_eq!(write(&points).len(), 2 + 100 * 10 + 2);
    assert_eq!(decode::<Vec<Point>>(&write(&points)).unwrap(), points);
    // A name inside what the reader skips is numbered all the same.
    let mixed = (Shape::Ring { r: 1 }, Point { x: 1, y: 2 }, Shape::Ring { r: 3 });
    let (_, point, ring): (serde::de::IgnoredAny, Point, Shape) = decode(&write(&mixed)).unwrap();
    assert_eq!((point, ring), (mixed.1, mixed.2));
}
