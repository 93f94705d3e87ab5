//! One value after another that has to come back as it was.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{CString, OsString};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZeroI128, NonZeroU8, NonZeroU64, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeFrom, RangeInclusive, RangeTo};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::{crosses, decode, reread, write};

#[test]
fn options() {
    for v in [None, Some(None), Some(Some(None)), Some(Some(Some(())))] {
        crosses::<Option<Option<Option<()>>>>(v);
        crosses(vec![v; 3]);
    }
    crosses(Some(()));
    crosses(None::<()>);
    crosses(Some(Some(5u8)));
    crosses((
        None::<u8>,
        Some(3u8),
        Some(String::new()),
        Some(Vec::<Option<i32>>::new()),
    ));
    crosses(vec![Some(Unit), None]);
    crosses(Wrap(Some(Wrap(Some(1u8)))));
    crosses(Wrap(Some(Wrap(None::<u8>))));
    crosses(Some(Wrap(None::<u8>)));
    // One side of a call may be stricter than the other.
    assert_eq!(reread::<Option<u8>>(&5u8).unwrap(), Some(5));
    assert_eq!(reread::<u8>(&Some(5u8)).unwrap(), 5);
    assert_eq!(reread::<String>(&Some(Some("a"))).unwrap(), "a");
    assert_eq!(
        reread::<Option<Vec<u8>>>(&[1u8, 2][..]).unwrap(),
        Some(vec![1, 2])
    );
    assert_eq!(reread::<Vec<u8>>(&Some(vec![1u8, 2])).unwrap(), [1, 2]);
    assert_eq!(
        reread::<Vec<Option<u8>>>(&vec![1u8, 2]).unwrap(),
        [Some(1), Some(2)]
    );
    assert_eq!(reread::<Option<u8>>(&()).unwrap(), None);
    assert!(reread::<u8>(&None::<u8>).is_err());
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone, Copy)]
struct Unit;

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone)]
struct Wrap<T>(T);

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone)]
struct Pair(u8, String);

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone)]
enum Shape {
    Empty,
    None(),
    One(u8),
    Maybe(Option<u8>),
    Nothing(()),
    Two(u8, String),
    Many(Vec<u8>),
    Named { a: u8, b: Option<String> },
    Bare {},
}

fn shapes() -> Vec<Shape> {
    vec![
        Shape::Empty,
        Shape::None(),
        Shape::One(1),
        Shape::Maybe(None),
        Shape::Maybe(Some(1)),
        Shape::Nothing(()),
        Shape::Two(1, "x".into()),
        Shape::Many(vec![1, 2, 3]),
        Shape::Named { a: 1, b: None },
        Shape::Named {
            a: 1,
            b: Some("y".into()),
        },
        Shape::Bare {},
    ]
}

#[test]
fn derived_types() {
    crosses(Unit);
    crosses(Pair(1, "a".into()));
    crosses(vec![Pair(1, "a".into()); 3]);
    crosses(shapes());
    crosses(
        shapes()
            .into_iter()
            .map(|s| (s.clone(), Some(s)))
            .collect::<BTreeMap<_, _>>(),
    );
    crosses(shapes().into_iter().map(Some).map(Wrap).collect::<HashSet<_>>());
}

#[test]
fn map_keys() {
    crosses(BTreeMap::from([("a".to_string(), 1u8), (String::new(), 2)]));
    crosses(HashMap::from([(1u8, 1u8), (255, 2)]));
    crosses(HashMap::from([(i64::MIN, ()), (i64::MAX, ())]));
    crosses(HashMap::from([(i128::MIN, ()), (i128::MAX, ())]));
    crosses(HashMap::from([(u128::MAX, ())]));
    crosses(HashMap::from([(true, 'a'), (false, 'b')]));
    crosses(HashMap::from([('a', 1), ('ß', 2), ('1', 3)]));
    crosses(HashMap::from([(Unit, 1)]));
    crosses(HashMap::from([((), 1)]));
    crosses(HashMap::from([((1u8, "x".to_string()), 1)]));
    crosses(HashMap::from([(Pair(1, "x".into()), 1)]));
    crosses(HashMap::from([(Wrap(Wrap(7u16)), 1)]));
    crosses(HashMap::from([(None, 1), (Some(1u8), 2)]));
    crosses(HashMap::from([
        (None, 1),
        (Some(None), 2),
        (Some(Some("a".to_string())), 2),
    ]));
    crosses(HashMap::from([(vec![1u8, 2], 1), (vec![], 2)]));
    crosses(HashMap::from([(BTreeMap::from([(1u8, 2u8)]), 1)]));
    crosses(HashMap::from([(
        Some(Unit),
        HashMap::from([(Wrap(-1i8), "v".to_string())]),
    )]));
    crosses(HashMap::from([(IpAddr::V4(Ipv4Addr::LOCALHOST), 1)]));
    crosses(HashMap::from([(PathBuf::from("/a"), 1)]));
    crosses(HashMap::from([(NonZeroU8::new(3).unwrap(), 1)]));
    crosses(HashMap::from([(Duration::from_millis(5), 1)]));
    // As text, the way JSON has them.
    let text: BTreeMap<String, u8> = reread(&BTreeMap::from([(1u64, 1u8), (20, 2)])).unwrap();
    assert_eq!(text, BTreeMap::from([("1".into(), 1), ("20".into(), 2)]));
    let text: BTreeMap<String, u8> = reread(&BTreeMap::from([(true, 1u8)])).unwrap();
    assert_eq!(text, BTreeMap::from([("true".into(), 1)]));
    let number: BTreeMap<i128, u8> = reread(&BTreeMap::from([("-5", 1u8)])).unwrap();
    assert_eq!(number, BTreeMap::from([(-5, 1)]));
    let number: BTreeMap<Option<Wrap<u8>>, u8> = reread(&BTreeMap::from([("5", 1u8)])).unwrap();
    assert_eq!(number, BTreeMap::from([(Some(Wrap(5)), 1)]));
    let flag: BTreeMap<bool, u8> = reread(&BTreeMap::from([("false", 1u8)])).unwrap();
    assert_eq!(flag, BTreeMap::from([(false, 1)]));
    let shape: BTreeMap<Shape, u8> = reread(&BTreeMap::from([("Empty", 1u8)])).unwrap();
    assert_eq!(shape, BTreeMap::from([(Shape::Empty, 1)]));
    let name: BTreeMap<String, u8> = reread(&BTreeMap::from([(Shape::Empty, 1u8)])).unwrap();
    assert_eq!(name, BTreeMap::from([("Empty".into(), 1)]));
    assert!(reread::<BTreeMap<u8, u8>>(&BTreeMap::from([("+5", 1u8)])).is_err());
    let floats = reread::<Vec<(String, u8)>>(&vec![("1.5", 2u8)]).unwrap();
    assert_eq!(floats, [("1.5".to_string(), 2)]);
}

#[test]
fn the_standard_library() {
    crosses((
        IpAddr::V6(Ipv6Addr::LOCALHOST),
        "127.0.0.1:80".parse::<SocketAddr>().unwrap(),
    ));
    crosses((
        Duration::new(u64::MAX, 999_999_999),
        SystemTime::now(),
        SystemTime::UNIX_EPOCH,
    ));
    crosses((
        PathBuf::from("a/b"),
        OsString::from("os"),
        CString::new("c").unwrap(),
    ));
    crosses((
        NonZeroU64::MAX,
        NonZeroI128::MIN,
        Saturating(3u8),
        Wrapping(4i16),
        Reverse(5),
    ));
    crosses((
        Range { start: 1, end: 2 },
        RangeInclusive::new(1u8, 9),
        RangeFrom { start: 1 },
        RangeTo { end: 'z' },
    ));
    crosses((
        Bound::<u8>::Unbounded,
        Bound::Included(1),
        Bound::Excluded("x".to_string()),
    ));
    crosses::<Vec<Result<u8, String>>>(vec![Ok(1), Err("bad".into())]);
    crosses::<Result<(), ()>>(Ok(()));
    crosses((
        Box::new(1u8),
        Some(Box::new("s".to_string())),
        Box::<str>::from("t"),
        Box::<[u8]>::from([1, 2]),
    ));
    crosses((PhantomData::<fn()>, Cell::new(1), RefCell::new("r".to_string())));
    crosses((
        Cow::<'static, str>::from("c"),
        Cow::<'static, [u8]>::from(vec![1]),
    ));
    crosses((String::new(), "a\0b\"\u{1f980}".to_string(), "long ".repeat(1000)));
    assert!(reread::<Mutex<u8>>(&Mutex::new(7)).unwrap().into_inner().unwrap() == 7);
    assert!(
        reread::<RwLock<String>>(&RwLock::new("w".to_string()))
            .unwrap()
            .into_inner()
            .unwrap()
            == "w"
    );
    assert_eq!(
        reread::<AtomicU8>(&AtomicU8::new(9))
            .unwrap()
            .load(Ordering::Relaxed),
        9
    );
    assert_eq!(
        reread::<AtomicI64>(&AtomicI64::new(-9))
            .unwrap()
            .load(Ordering::Relaxed),
        -9
    );
    assert!(
        reread::<AtomicBool>(&AtomicBool::new(true))
            .unwrap()
            .load(Ordering::Relaxed)
    );
    let borrowed = RefCell::new(1u8);
    let guard = borrowed.borrow_mut();
    assert!(super::encode(&borrowed, &mut Vec::new()).is_err());
    drop(guard);
}

#[test]
fn several_values_follow_one_another_in_one_buffer() {
    let mut out = b"kept".to_vec();
    super::encode(&Pair(1, "a".into()), &mut out).unwrap();
    assert_eq!(decode::<Pair>(&out[4..]).unwrap(), Pair(1, "a".into()));
    assert!(decode::<Pair>(&[write(&Pair(1, "a".into())), vec![0]].concat()).is_err());
}
