//! Types that serde's attributes, or hands, give another shape on the wire than they have in memory.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{crosses, reread};
use External::{Empty, Named, One, Two};

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
pub(super) enum Untagged {
    Flag(bool),
    Number(i64),
    Float(f64),
    Text(String),
    Numbers(Vec<u8>),
    Pair(String, u8),
    Named { a: u8, b: Option<Box<Untagged>> },
    Map(BTreeMap<String, Untagged>),
    Nothing,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind")]
enum Internal {
    Empty,
    Named {
        a: Option<u8>,
        list: Vec<i32>,
    },
    Wrapped(Inner),
    #[serde(rename = "else")]
    Renamed {
        deep: Box<Internal>,
    },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    One(u8),
    Maybe(Option<()>),
    Two(u8, String),
    Named { a: Vec<u8> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
pub(super) struct Inner {
    pub(super) x: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip)]
    z: u64,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    before: u8,
    #[serde(flatten)]
    inner: Inner,
    #[serde(flatten)]
    kind: Internal,
    #[serde(flatten)]
    rest: HashMap<String, serde_json::Value>,
}

#[test]
fn tags_inside_beside_and_nowhere() {
    let leaves = [
        Untagged::Flag(true),
        Untagged::Number(-5),
        Untagged::Number(i64::MAX),
        Untagged::Float(1.5),
        Untagged::Text("t".into()),
        Untagged::Numbers((0..40).collect()),
        Untagged::Numbers(vec![]),
        Untagged::Pair("p".into(), 1),
        Untagged::Nothing,
    ];
    let map = leaves
        .iter()
        .cloned()
        .enumerate()
        .map(|(i, leaf)| (i.to_string(), leaf))
        .collect();
    crosses(Untagged::Named {
        a: 1,
        b: Some(Box::new(Untagged::Map(map))),
    });
    crosses(leaves.to_vec());
    let inner = Inner {
        x: 1,
        y: Some("y".into()),
        z: 0,
    };
    let internal = [
        Internal::Empty,
        Internal::Named {
            a: None,
            list: (-20..20).collect(),
        },
        Internal::Named {
            a: Some(1),
            list: vec![],
        },
        Internal::Wrapped(inner.clone()),
        Internal::Renamed {
            deep: Box::new(Internal::Wrapped(Inner::default())),
        },
    ];
    crosses(internal.to_vec());
    crosses(vec![
        Adjacent::Empty,
        Adjacent::One(1),
        Adjacent::Maybe(None),
        Adjacent::Two(1, "2".into()),
        Adjacent::Named { a: vec![1, 2] },
    ]);
    for kind in internal.into_iter().take(3) {
        let rest = HashMap::from([("more".into(), serde_json::Value::Null), ("n".into(), 1.into())]);
        let flat = Flat {
            before: 1,
            inner: inner.clone(),
            kind,
            rest,
        };
        // Not the same as before: every flattened part sees the tag. But the same as JSON.
        let json: Flat = serde_json::from_str(&serde_json::to_string(&flat).unwrap()).unwrap();
        assert_eq!(reread::<Flat>(&flat).unwrap(), json);
    }
}

#[test]
fn values_of_json() {
    let value: serde_json::Value = serde_json::from_str(
        r#"{"a": [1, -2, 3.5, null, true, "x", {}, []], "b": {"c": 18446744073709551615}, "": -9223372036854775808}"#,
    )
    .unwrap();
    crosses(value.clone());
    crosses((value.clone(), Some(value)));
    // A value that is written as one type and read as whatever it is.
    for (ours, json) in [
        (
            reread::<serde_json::Value>(&Adjacent::Two(1, "b".into())),
            serde_json::to_value(Adjacent::Two(1, "b".into())),
        ),
        (reread(&Some(Two(1, 2))), serde_json::to_value(Two(1, 2))),
        (reread(&Empty), serde_json::to_value(Empty)),
        (reread(&Named { a: 1 }), serde_json::to_value(Named { a: 1 })),
        (
            reread(&HashMap::from([(Empty, 1u8)])),
            serde_json::to_value(HashMap::from([(Empty, 1u8)])),
        ),
        (
            reread(&BTreeMap::from([(1u8, -1i8), (2, 1)])),
            serde_json::to_value(BTreeMap::from([(1u8, -1i8), (2, 1)])),
        ),
        (
            reread(&BTreeMap::from([(false, f64::NAN)])),
            serde_json::to_value(BTreeMap::from([(false, f64::NAN)])),
        ),
        (
            reread(&serde_bytes::Bytes::new(b"ab")),
            serde_json::to_value(serde_bytes::Bytes::new(b"ab")),
        ),
        (
            reread(&(1.5f32, 'c', ())),
            serde_json::to_value((1.5f32, 'c', ())),
        ),
    ] {
        assert_eq!(ours.unwrap(), json.unwrap());
    }
    // And JSON read as a type.
    let external: Vec<External> = reread(
        &serde_json::json!(["Empty", {"Two": [1, 2]}, {"Named": {"a": 1}}, {"One": 5}, {"Empty": null}]),
    )
    .unwrap();
    assert_eq!(external, [Empty, Two(1, 2), Named { a: 1 }, One(5), Empty]);
    assert!(reread::<External>(&serde_json::json!({"One": 5, "Two": 6})).is_err());
    assert!(reread::<External>(&serde_json::json!({})).is_err());
    let keyed: HashMap<u8, External> = reread(&serde_json::json!({"5": "Empty"})).unwrap();
    assert_eq!(keyed, HashMap::from([(5, Empty)]));
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, Debug, Clone)]
pub(super) enum External {
    Empty,
    One(u8),
    Two(u8, u8),
    Named {
        a: u8,
    },
    #[serde(rename(serialize = "out", deserialize = "in"))]
    Renamed(u8),
    Last,
    #[serde(skip)]
    Hidden,
    AfterHidden,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Open {
    Known,
    #[serde(other)]
    Other,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Renamed {
    #[serde(rename(serialize = "outA", deserialize = "inA"))]
    a: u8,
    b: String,
    #[serde(rename(serialize = "outC", deserialize = "inC"))]
    c: Option<Box<Renamed>>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename_all(serialize = "camelCase", deserialize = "kebab-case"))]
struct AllRenamed {
    first_one: Vec<u8>,
    second_one: (),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Aliased {
    #[serde(alias = "other", alias = "third")]
    a: u8,
    #[serde(default)]
    b: u8,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
#[serde(default)]
struct Kept {
    a: u8,
    b: u8,
}

#[derive(Serialize)]
struct Unknown {
    x: u8,
    y: u8,
    z: u8,
}

#[test]
fn names_that_differ_between_writing_and_reading() {
    crosses(External::Renamed(7));
    crosses(vec![External::Last, External::Renamed(1), External::AfterHidden]);
    assert!(super::encode(&External::Hidden, &mut Vec::new()).is_err());
    crosses(vec![Open::Known, Open::Other]);
    assert_eq!(reread::<Open>(&External::Last).unwrap(), Open::Other);
    let inner = Renamed {
        a: 1,
        b: "b".into(),
        c: None,
    };
    crosses(Renamed {
        a: 2,
        b: "c".into(),
        c: Some(Box::new(inner)),
    });
    crosses(vec![
        AllRenamed {
            first_one: vec![1],
            second_one: (),
        },
        AllRenamed {
            first_one: vec![],
            second_one: (),
        },
    ]);
    crosses(Aliased { a: 1, b: 2 });
    // Looking ahead must not number names twice: these come after.
    let renamed = AllRenamed {
        first_one: vec![],
        second_one: (),
    };
    crosses((
        renamed,
        vec![
            Inner {
                x: 1,
                ..Inner::default()
            };
            2
        ],
        Kept { a: 1, b: 2 },
    ));
    // Unknown names are dropped as JSON drops them, unless they are as many as the fields.
    assert_eq!(
        reread::<Kept>(&Inner {
            x: 1,
            ..Inner::default()
        })
        .unwrap(),
        Kept { a: 0, b: 0 }
    );
    assert_eq!(
        reread::<Kept>(&Unknown { x: 1, y: 2, z: 3 }).unwrap(),
        Kept { a: 0, b: 0 }
    );
    // Another number of fields, or names in other places: then names are all there is to go by.
    let third = BTreeMap::from([("third", 1u8), ("unknown", 2)]);
    assert_eq!(reread::<Aliased>(&third).unwrap(), Aliased { a: 1, b: 0 });
    assert!(reread::<AllRenamed>(&Inner::default()).is_err());
}
