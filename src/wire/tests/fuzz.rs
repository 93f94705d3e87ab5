//! Damaged messages, by the million: see `sys::fuzz`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::super::tag;
use super::{decode, encode, write};
use crate::sys::fuzz::{fuzz, memory::most_during};

/// Bytes that reading takes for each byte of the message. The dearest is a map of two bytes, of which the first entry makes a
/// node for eleven.
const PER_BYTE: usize = 320;
/// What an error takes: a text, and that of the error inside it.
const BESIDE: usize = 8 * 1024;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Named {
    a: u8,
    b: Option<String>,
    #[serde(default)]
    c: Vec<i16>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Nested {
    pair: (Named, Box<Option<Nested>>),
    all: Vec<Named>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Tree {
    Leaf,
    Next(Box<Tree>),
    Pair(f64, Box<Tree>),
    Named { name: String, kids: BTreeMap<u8, Tree> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Untagged {
    Bool(bool),
    Many(Vec<Untagged>),
    Inside { x: Box<Untagged> },
    Text(String),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind")]
enum Internal {
    Empty,
    Named { a: u8, next: Option<Box<Internal>> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind", content = "value")]
enum Adjacent {
    Empty,
    One(i64),
    Two(String, Vec<bool>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    a: Option<u8>,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

/// A type, messages that hold it, and what reads it.
struct Subject {
    messages: Vec<Vec<u8>>,
    read: fn(&[u8]),
}

/// Reads within bounds; what comes out has to come out once more when it is sent on.
fn read<T: Serialize + DeserializeOwned>(bytes: &[u8], same: impl Fn(&T, &T) -> bool) {
    let Some(value) = read_within_bounds::<T>(bytes) else {
        return;
    };
    let mut sent = Vec::new();
    match encode(&value, &mut sent) {
        Ok(()) => {
            let again: T = decode(&sent).unwrap_or_else(|error| panic!("{bytes:02x?}, {sent:02x?}: {error}"));
            assert!(same(&value, &again), "{bytes:02x?} became {sent:02x?}");
        }
        Err(error) => assert!(
            error.to_string().contains("nested too deeply"),
            "{bytes:02x?}: {error}"
        ),
    }
}

fn read_within_bounds<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let (outcome, most) = most_during(|| decode::<T>(bytes).map_err(|error| error.to_string()));
    assert!(
        most <= PER_BYTE * bytes.len() + BESIDE,
        "{most} bytes for {} of a {}: {bytes:02x?}",
        bytes.len(),
        std::any::type_name::<T>()
    );
    outcome.map_err(|text| assert!(!text.is_empty())).ok()
}

/// Compared by what it is sent as: that says of a float that is no number that it is the same.
fn ordered<T: Serialize + DeserializeOwned>(values: &[T]) -> Subject {
    Subject {
        messages: values.iter().map(write).collect(),
        read: |bytes| read::<T>(bytes, |value, again| write(value) == write(again)),
    }
}

/// Compared as it is: it is sent in another order each time.
fn unordered<T: Serialize + DeserializeOwned + PartialEq>(values: &[T]) -> Subject {
    Subject {
        messages: values.iter().map(write).collect(),
        read: |bytes| read::<T>(bytes, T::eq),
    }
}

fn tree(depth: u8) -> Tree {
    let kids = (0..3).map(|n| (n, Tree::Leaf)).collect();
    let named = Tree::Named {
        name: "naïve".into(),
        kids,
    };
    (0..depth).fold(named, |tree, n| match n % 2 {
        0 => Tree::Next(Box::new(tree)),
        _ => Tree::Pair(0.5, Box::new(tree)),
    })
}

fn named(a: u8) -> Named {
    Named {
        a,
        b: (a > 1).then(|| "b".repeat(40)),
        c: vec![-1, 300, 7],
    }
}

fn subjects() -> Vec<Subject> {
    let json = serde_json::json!({"a": [1, -2.5, null, true], "b": {"c": "text", "d": [{}, [], ""]}});
    let nested = Nested {
        pair: (named(1), Box::new(None)),
        all: vec![named(0), named(2)],
    };
    let nested = Nested {
        pair: (named(3), Box::new(Some(nested))),
        all: vec![],
    };
    let internal = Internal::Named {
        a: 1,
        next: Some(Box::new(Internal::Empty)),
    };
    let untagged = || Untagged::Many(vec![Untagged::Bool(true), Untagged::Text("a".into())]);
    let rest = BTreeMap::from([("b".to_owned(), json.clone())]);
    vec![
        ordered(&[0_u8, 255]),
        ordered(&[i64::MIN, -1, i64::MAX]),
        ordered(&[u128::MAX, 1]),
        ordered(&[i128::MIN, -1]),
        ordered(&[1.5_f32, f32::NAN]),
        ordered(&[(true, 'ß', f64::INFINITY)]),
        ordered(&[String::new(), "naïve text".repeat(10)]),
        ordered(&[ByteBuf::from(vec![7; 100])]),
        ordered(&[vec![7_u8; 100], vec![]]),
        ordered(&[vec![-7_i16; 50]]),
        ordered(&[vec![0.5_f64; 20]]),
        ordered(&[vec![true, false, true]]),
        ordered(&[vec![Some(1_u16), None, Some(70)]]),
        ordered(&[[1_i128, -2, i128::MAX]]),
        ordered(&[(1_u8, "two".to_owned(), Some(()))]),
        ordered(&[Some(Some(None::<()>)), Some(None), None]),
        ordered(&[vec![('a', 1.5_f32); 9]]),
        ordered(&[Ok(Duration::new(5, 6)), Err(SystemTime::UNIX_EPOCH)]),
        ordered(&["127.0.0.1", "::1"].map(|text| text.parse::<IpAddr>().expect("an address"))),
        ordered(&[NonZeroU8::MIN, NonZeroU8::MAX]),
        ordered(&[Range { start: 1_u32, end: 9 }]),
        ordered(&[BTreeMap::from([(1_u8, vec!["a".to_owned()]), (2, vec![])])]),
        ordered(&[vec![vec![vec![1_u64, 2], vec![]], vec![]]]),
        ordered(&[tree(0), tree(20), tree(60)]),
        ordered(&[nested]),
        ordered(&[
            untagged(),
            Untagged::Inside {
                x: Box::new(untagged()),
            },
        ]),
        ordered(&[internal]),
        ordered(&[
            Adjacent::Empty,
            Adjacent::One(-5),
            Adjacent::Two("t".into(), vec![true]),
        ]),
        ordered(&[Flat { a: Some(1), rest }]),
        ordered(&[json]),
        unordered(&[HashMap::from([
            ("a".to_owned(), vec![1, 2]),
            ("b".to_owned(), vec![]),
        ])]),
        unordered(&[HashSet::from([1_u16, 2, 3])]),
    ]
}

#[test]
fn damaged_messages_are_read_within_bounds_and_what_was_read_can_be_sent_on() {
    let subjects = subjects();
    fuzz(|random| {
        let subject = random.pick(&subjects);
        let bytes = random.input(&subject.messages, tag::NAME_REF + 1);
        (subject.read)(&bytes);
        // One side of a call may run another version of a type, or something else altogether.
        (random.pick(&subjects).read)(&bytes);
        read_within_bounds::<IgnoredAny>(&bytes);
    });
}
