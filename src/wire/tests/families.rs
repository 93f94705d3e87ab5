//! The promise: what comes back as it was through `serde_json` or through bincode comes back from here.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{decode, write};

/// Checks the promise, and says whether any family kept it: a test of values that none takes tests nothing.
fn keeps<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Result<bool, TestCaseError> {
    let json = serde_json::to_string(value)
        .ok()
        .and_then(|text| serde_json::from_str::<T>(&text).ok());
    let bin = bincode::serialize(value)
        .ok()
        .and_then(|bytes| bincode::deserialize::<T>(&bytes).ok());
    let through_any = json.as_ref() == Some(value) || bin.as_ref() == Some(value);
    if through_any {
        let bytes = write(value);
        match decode::<T>(&bytes) {
            Ok(back) => prop_assert_eq!(&back, value, "as {:02x?}", bytes),
            Err(error) => prop_assert!(false, "{:?} as {:02x?}: {}", value, bytes, error),
        }
    }
    Ok(through_any)
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Tree {
    Leaf,
    Number(i64),
    Wide(u128),
    Float(f64),
    Small(f32),
    Char(char),
    Text(String),
    Maybe(Option<Option<Box<Tree>>>),
    Pair(Box<Tree>, Vec<Tree>),
    Named {
        left: Box<Tree>,
        right: Option<Box<Tree>>,
        tag: Unit,
    },
    Map(BTreeMap<String, Tree>),
    Numbered(BTreeMap<i16, Tree>),
    New(Newtype<Box<Tree>>),
    Queue(VecDeque<u16>, Vec<bool>, Vec<f32>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Newtype<T>(T);

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        Just(Tree::Leaf),
        any::<i64>().prop_map(Tree::Number),
        any::<u128>().prop_map(Tree::Wide),
        any::<f64>().prop_map(Tree::Float),
        any::<f32>().prop_map(Tree::Small),
        any::<char>().prop_map(Tree::Char),
        ".{0,12}".prop_map(Tree::Text),
        Just(Tree::Maybe(None)),
        Just(Tree::Maybe(Some(None))),
        (
            vec(any::<u16>(), 0..9),
            vec(any::<bool>(), 0..9),
            vec(any::<f32>(), 0..9)
        )
            .prop_map(|(a, b, c)| Tree::Queue(a.into(), b, c)),
    ];
    leaf.prop_recursive(6, 60, 5, |inner| {
        let boxed = inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed.clone().prop_map(|tree| Tree::Maybe(Some(Some(tree)))),
            (boxed.clone(), vec(inner.clone(), 0..4)).prop_map(|(a, b)| Tree::Pair(a, b)),
            (boxed.clone(), option::of(boxed.clone())).prop_map(|(left, right)| Tree::Named {
                left,
                right,
                tag: Unit
            }),
            btree_map(".{0,4}", inner.clone(), 0..4).prop_map(Tree::Map),
            btree_map(any::<i16>(), inner, 0..4).prop_map(Tree::Numbered),
            boxed.prop_map(|tree| Tree::New(Newtype(tree))),
        ]
    })
}

/// Attributes that only JSON takes.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Loose {
    Flag(bool),
    Count(u64),
    Signed(i64),
    Text(String),
    List(Vec<Loose>),
    Tagged(Tagged),
    Fields { x: Box<Loose>, y: Option<u8> },
    Nothing,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "type")]
enum Tagged {
    Empty,
    Record {
        list: Vec<Option<Loose>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    Flat(Flat),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Flat {
    id: i32,
    #[serde(flatten)]
    side: Side,
    #[serde(flatten)]
    rest: BTreeMap<String, Loose>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "side", content = "data")]
enum Side {
    None,
    One(u8),
    Two(u8, Option<char>),
    Named { duration: Duration },
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![
        Just(Side::None),
        any::<u8>().prop_map(Side::One),
        (any::<u8>(), any::<Option<char>>()).prop_map(|(a, b)| Side::Two(a, b)),
        any::<Duration>().prop_map(|duration| Side::Named { duration }),
    ]
}

fn loose() -> impl Strategy<Value = Loose> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Loose::Flag),
        any::<u64>().prop_map(Loose::Count),
        (i64::MIN..0).prop_map(Loose::Signed),
        ".{0,6}".prop_map(Loose::Text),
        Just(Loose::Nothing),
        Just(Loose::Tagged(Tagged::Empty)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Loose::List),
            (inner.clone(), any::<Option<u8>>()).prop_map(|(x, y)| Loose::Fields { x: Box::new(x), y }),
            (vec(option::of(inner.clone()), 0..4), option::of(".{0,3}"))
                .prop_map(|(list, note)| Loose::Tagged(Tagged::Record { list, note })),
            (any::<i32>(), side(), btree_map("[a-c]{1,2}", inner, 0..3))
                .prop_map(|(id, side, rest)| Loose::Tagged(Tagged::Flat(Flat { id, side, rest }))),
        ]
    })
}

/// Attributes that only bincode takes.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename_all(serialize = "UPPERCASE"))]
struct Shouted {
    small: u8,
    next: Option<Box<Shouted>>,
    kind: Kind,
    bits: f32,
    by_pair: HashMap<(u8, u8), Vec<u8>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(rename_all(deserialize = "snake_case"))]
enum Kind {
    FirstKind,
    SecondKind(u8, Option<Option<u8>>),
    ThirdKind { inner_field: i128 },
    FourthKind([i16; 17]),
}

fn shouted() -> impl Strategy<Value = Shouted> {
    let kind = prop_oneof![
        Just(Kind::FirstKind),
        (any::<u8>(), any::<Option<Option<u8>>>()).prop_map(|(a, b)| Kind::SecondKind(a, b)),
        any::<i128>().prop_map(|inner_field| Kind::ThirdKind { inner_field }),
        any::<[i16; 17]>().prop_map(Kind::FourthKind),
    ];
    let pairs = proptest::collection::hash_map(any::<(u8, u8)>(), vec(any::<u8>(), 0..5), 0..4);
    let end = (any::<u8>(), kind, any::<f32>(), pairs).prop_map(|(small, kind, bits, by_pair)| Shouted {
        small,
        next: None,
        kind,
        bits,
        by_pair,
    });
    vec(end, 1..5).prop_map(|list| {
        let chain = |next: Option<Shouted>, one: Shouted| {
            Some(Shouted {
                next: next.map(Box::new),
                ..one
            })
        };
        list.into_iter().fold(None, chain).expect("at least one")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn derived_trees(tree in tree()) {
        prop_assert!(keeps(&tree)?);
    }

    #[test]
    fn attributes_that_only_json_takes(loose in loose()) {
        // Some of these are ambiguous to JSON too; those are not promised.
        keeps(&loose)?;
        keeps(&vec![Some(loose)])?;
    }

    #[test]
    fn attributes_that_only_bincode_takes(shouted in shouted()) {
        prop_assert!(keeps(&shouted)?);
        prop_assert!(keeps(&vec![shouted; 2])?);
    }

    #[test]
    fn standard_types(
        value in any::<(Vec<(i8, Option<char>)>, HashMap<char, Duration>, [Result<u8, String>; 3], Vec<Vec<u32>>)>(),
        keys in any::<(BTreeMap<bool, ()>, HashMap<i128, u128>, BTreeMap<Option<u8>, f64>)>(),
    ) {
        prop_assert!(keeps(&value)?);
        prop_assert!(keeps(&keys)?);
        prop_assert!(keeps(&(value, keys))?);
    }
}

#[test]
fn most_loose_values_are_promised() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let promised = (0..200)
        .filter(|_| {
            let value = loose().new_tree(&mut runner).expect("a value").current();
            keeps(&value).expect("the promise")
        })
        .count();
    assert!(promised > 100, "only {promised} of 200");
}
