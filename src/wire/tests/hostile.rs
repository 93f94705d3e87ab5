//! Messages nobody wrote: an error each, never a panic, an overflow or memory ahead of the data.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::super::{depth, tag};
use super::{decode, reread, write};

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Tree {
    Leaf,
    Next(Box<Tree>),
    Many(Vec<Tree>),
    Named {
        name: String,
        next: Option<Box<Tree>>,
        kids: BTreeMap<u8, Tree>,
    },
    Pair(f64, Box<Tree>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct List {
    value: u8,
    next: Option<Box<List>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Endless(Option<Box<Endless>>);

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the reading of it is tested")]
enum Untagged {
    A(bool),
    B(Vec<Untagged>),
    C { x: Box<Untagged> },
    D(BTreeMap<String, Untagged>),
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only the reading of it is tested")]
struct Flat {
    a: Option<u8>,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

/// Reads the bytes as one type after another; what comes out does not matter.
fn read_as_everything(bytes: &[u8]) {
    fn read<T: DeserializeOwned>(bytes: &[u8]) {
        if let Err(error) = decode::<T>(bytes) {
            assert!(!error.to_string().is_empty());
        }
    }
    read::<IgnoredAny>(bytes);
    read::<Tree>(bytes);
    read::<List>(bytes);
    read::<Endless>(bytes);
    read::<Untagged>(bytes);
    read::<Flat>(bytes);
    read::<serde_json::Value>(bytes);
    read::<Vec<u8>>(bytes);
    read::<Vec<f64>>(bytes);
    read::<Vec<bool>>(bytes);
    read::<Vec<Option<u16>>>(bytes);
    read::<[i128; 3]>(bytes);
    read::<String>(bytes);
    read::<serde_bytes::ByteBuf>(bytes);
    read::<HashMap<String, Vec<i32>>>(bytes);
    read::<BTreeMap<u8, ()>>(bytes);
    read::<Vec<(char, f32)>>(bytes);
    read::<Result<Duration, SystemTime>>(bytes);
    read::<Option<Option<()>>>(bytes);
}

fn sample() -> Tree {
    let leaf = Tree::Pair(1.5, Box::new(Tree::Leaf));
    let kids = BTreeMap::from([(1, leaf.clone()), (200, Tree::Many(vec![]))]);
    let named = Tree::Named {
        name: "naïve".into(),
        next: Some(Box::new(leaf)),
        kids,
    };
    Tree::Many(vec![named.clone(), Tree::Next(Box::new(named)), Tree::Leaf])
}

/// Tags in a likely order make messages that get further than random bytes.
fn likely_bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![3 => 0..=tag::NAME_REF, 1 => 0..=3u8, 1 => any::<u8>()];
    proptest::collection::vec(byte, 0..200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn bytes_that_look_like_a_message(bytes in likely_bytes()) {
        read_as_everything(&bytes);
    }

    #[test]
    fn a_message_with_bytes_changed(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4)) {
        for mut bytes in [write(&sample()), write(&(vec![1.5f64; 4], vec![true; 3], "text", Some(-5)))] {
            for (at, to) in &changes {
                let at = at % bytes.len();
                bytes[at] = *to;
            }
            read_as_everything(&bytes);
        }
    }
}

#[test]
fn a_message_cut_short_is_an_error() {
    fn check<T: Serialize + DeserializeOwned>(value: &T) {
        let bytes = write(value);
        for len in 0..bytes.len() {
            assert!(decode::<T>(&bytes[..len]).is_err(), "{len} of {bytes:02x?}");
            assert!(
                decode::<IgnoredAny>(&bytes[..len]).is_err(),
                "{len} of {bytes:02x?}"
            );
            read_as_everything(&bytes[..len]);
        }
        assert!(decode::<T>(&[&bytes[..], &[0]].concat()).is_err());
    }
    check(&sample());
    check(&vec![1.5f64; 4]);
    check(&(
        u64::MAX,
        i64::MIN,
        u128::MAX,
        i128::MIN,
        1.5f32,
        1.5f64,
        'c',
        "text".to_string(),
        Some(()),
    ));
    check(&serde_bytes::ByteBuf::from(vec![1, 2, 3]));
}

#[track_caller]
fn refused<T: DeserializeOwned>(bytes: &[u8], words: &str) {
    let error = decode::<T>(bytes).err().expect("an error").to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_is_wrong_is_said() {
    refused::<u8>(&[], "the message ends where a tag was expected (at byte 0");
    refused::<u8>(
        &[0x99],
        "expected a value, found an unknown tag (0x99) (at byte 0",
    );
    refused::<u8>(&[tag::END], "expected a value, found an end mark");
    refused::<u8>(
        &[tag::UNIT, tag::UNIT],
        "invalid type: unit value, expected u8 (at byte 1",
    );
    refused::<()>(
        &[tag::UNIT, tag::UNIT],
        "expected the end of the message, found 1 more bytes (at byte 1",
    );
    refused::<u8>(&write("text"), "invalid type: string \"text\", expected u8");
    refused::<u8>(&write(&256), "invalid value: integer `256`, expected u8");
    refused::<String>(&[tag::STR, 2, 0xff, 0xfe], "not UTF-8");
    refused::<String>(&[tag::STR, 5, b'a'], "5 bytes promised, 1 left (at byte 2");
    refused::<u64>(&[&[tag::UINT][..], &[0xff; 10]].concat(), "does not fit 64 bits");
    refused::<i64>(
        &[&[tag::NINT][..], &[0xff; 9], &[1]].concat(),
        "does not fit 64 bits",
    );
    refused::<Vec<bool>>(&[tag::SEQ, tag::RUN, 12, 2, 0, 2, tag::END], "neither 0 nor 1");
    refused::<Vec<u8>>(
        &[tag::SEQ, tag::RUN, 13, 1, 1, tag::END],
        "no run has the kind 13",
    );
    refused::<Vec<u8>>(&[tag::SEQ, tag::RUN, 0, 0, tag::END], "an empty run");
    refused::<Tree>(
        &[tag::UNIT_VARIANT, 0, tag::NAME_REF, 3],
        "name 3 of 0 known ones",
    );
    refused::<Tree>(
        &[tag::UNIT_VARIANT, 0, tag::STR, 0],
        "expected the name of a variant, found a string",
    );
    refused::<(u8, u8)>(&write(&(1, 2, 3)), "more elements than expected");
    refused::<(u8, u8)>(&write(&vec![1u8, 2, 3]), "more elements than expected");
    refused::<(u8, u8)>(&write(&(1,)), "invalid length 1");
    refused::<List>(
        &write(&BTreeMap::from([("next", None::<u8>)])),
        "missing field `value`",
    );
    refused::<Tree>(&write("Other"), "unknown variant `Other`, expected one of `Leaf`");
}

#[test]
fn nothing_is_reserved_ahead_of_the_data() {
    // Lengths and counts up to the largest: an allocation of that size would abort.
    for len in [
        1u64 << 20,
        1 << 40,
        1 << 61,
        (1 << 63) - 1,
        u64::MAX / 16 + 1,
        u64::MAX,
    ] {
        let mut number = Vec::new();
        super::super::varint::write(len, &mut number);
        for head in [
            &[tag::STR][..],
            &[tag::BYTES],
            &[tag::SEQ, tag::STR],
            &[tag::MAP, tag::NAME_NEW],
        ] {
            read_as_everything(&[head, &number, b"data"].concat());
            assert!(decode::<IgnoredAny>(&[head, &number, b"data"].concat()).is_err());
        }
        for kind in 0..13 {
            let bytes = [&[tag::SEQ, tag::RUN, kind][..], &number, &[1; 40], &[tag::END]].concat();
            read_as_everything(&bytes);
            assert!(decode::<IgnoredAny>(&bytes).is_err());
            // A product that wrapped round would find these complete.
            let bytes = [&[tag::SEQ, tag::RUN, kind][..], &number, &[tag::END]].concat();
            assert!(decode::<IgnoredAny>(&bytes).is_err());
        }
    }
}

fn nested_tree(levels: u16) -> Tree {
    (0..levels).fold(Tree::Leaf, |tree, i| match i % 2 {
        0 => Tree::Next(Box::new(tree)),
        _ => Tree::Pair(0.5, Box::new(tree)),
    })
}

fn list(levels: u16) -> List {
    let end = List { value: 0, next: None };
    (1..levels).fold(end, |list, i| List {
        value: i.to_le_bytes()[0],
        next: Some(Box::new(list)),
    })
}

/// Tests in a thread with the usual stack of one, whatever the test runner gives.
fn in_a_thread(test: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new()
        .stack_size(2 << 20)
        .spawn(test)
        .unwrap()
        .join()
        .unwrap();
}

#[test]
fn nesting_up_to_the_limit_crosses() {
    in_a_thread(|| {
        let deepest = list(depth::CONTAINERS);
        assert_eq!(reread::<List>(&deepest).unwrap(), deepest);
        reread::<IgnoredAny>(&deepest).unwrap();
        reread::<serde_json::Value>(&deepest).unwrap();
        let levels = (0..1000)
            .take_while(|&n| super::super::encode(&nested_tree(n), &mut Vec::new()).is_ok())
            .count();
        let deepest = nested_tree(u16::try_from(levels).unwrap() - 1);
        assert_eq!(reread::<Tree>(&deepest).unwrap(), deepest);
        let mut options = Endless(None);
        for _ in 1..depth::WRAPPERS / 2 {
            options = Endless(Some(Box::new(options)));
        }
        assert_eq!(reread::<Endless>(&options).unwrap(), options);
    });
}

#[test]
fn nesting_past_the_limit_is_an_error_on_both_sides() {
    in_a_thread(|| {
        let error = super::super::encode(&list(depth::CONTAINERS + 1), &mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().contains("the limit is 128 containers"),
            "{error}"
        );
        let mut kept = vec![7];
        super::super::encode(&nested_tree(1000), &mut kept).unwrap_err();
        assert_eq!(kept, [7]);
        for unit in [
            &[tag::SOME][..],
            &[tag::SEQ],
            &[tag::MAP, tag::STR, 1, b'a'],
            &[tag::MAP, tag::NAME_NEW, 4, b'n', b'e', b'x', b't'],
            &[tag::MAP],
            &[tag::VARIANT, 1, tag::NAME_NEW, 4, b'N', b'e', b'x', b't'],
            &[
                tag::VARIANT,
                2,
                tag::NAME_NEW,
                4,
                b'M',
                b'a',
                b'n',
                b'y',
                tag::SEQ,
            ],
        ] {
            for times in [100, 128, 129, 255, 256, 257, 100_000] {
                let bytes = unit.repeat(times);
                read_as_everything(&bytes);
                read_as_everything(&[&bytes[..], &[tag::UNIT]].concat());
            }
        }
        // No mark of its own on the wire, yet a level of the type: the reader would go on for ever.
        refused::<Endless>(&[tag::TRUE], "nested too deeply");
        refused::<Vec<Endless>>(&write(&[1u8, 2][..]), "nested too deeply");
        refused::<BTreeMap<u8, Endless>>(&write(&BTreeMap::from([(1, 2)])), "nested too deeply");
    });
}
